import type { Command } from 'commander'
import type { RepairReport } from '../../core/features/snapshots/upkeep-types.js'
import { STILL_BROKEN, type SetExitCode } from '../exit-codes.js'
import { formatCount, formatJson } from '../output.js'
import { STORE } from '../place.js'
import { withStore } from '../with-store.js'
import { encryptionOf } from './encryption.js'
import { problemText } from './problem-text.js'
import { withProgress } from './snapshot-progress.js'
import { withSnapshots } from './with-snapshots.js'

interface RepairFlags {
  readonly from?: string
  readonly json?: true
}

export function addRepair(snapshot: Command, setExitCode: SetExitCode): void {
  snapshot
    .command('repair')
    .description('make damaged snapshots whole again as far as can be; what is damaged is copied aside, and nothing is deleted')
    .argument('<store>', STORE)
    .option('--from <store>', 'another one that has the same content: take from there what is damaged here')
    .option('--json', 'the report as JSON')
    .action(async (place: string, { from, json }: RepairFlags) => {
      const report = await repair(place, from)
      console.log(json ? formatJson(report) : repairText(report))
      if (!report.ok) setExitCode(STILL_BROKEN)
    })
}

function repair(place: string, from: string | undefined): Promise<RepairReport> {
  return withSnapshots(place, { mode: 'write' }, (snapshots, signal) =>
    withProgress((onProgress) => {
      if (from === undefined) return snapshots.repair({ onProgress, signal })
      return withStore(from, 'read', async (source) =>
        snapshots.repair({ from: source, ...(await encryptionOf(source)), onProgress, signal }),
      )
    }),
  )
}

function repairText({ ok, repaired, lost, quarantined }: RepairReport): string {
  const lines = [...lost.map(problemText), ...quarantined.map((key) => `damaged bytes are kept as ${key}`)]
  if (repaired.length > 0) lines.push(`${formatCount(repaired.length, 'problem')} repaired`)
  if (lost.length > 0) lines.push(`${formatCount(lost.length, 'problem')} left; varve snapshot restore --damaged saves what is whole`)
  return lines.length === 0 && ok ? 'whole: nothing to repair' : lines.join('\n')
}
