import type { Command } from 'commander'
import type { SnapshotReport } from '../../core/features/snapshots/upkeep-types.js'
import { ANOMALIES, type SetExitCode } from '../exit-codes.js'
import { formatCount, formatJson } from '../output.js'
import { STORE } from '../place.js'
import { problemText } from './problem-text.js'
import { findSnapshot, WHICH } from './which.js'
import { withSnapshots } from './with-snapshots.js'

interface VerifyFlags {
  readonly json?: true
}

export function addVerify(snapshot: Command, setExitCode: SetExitCode): void {
  snapshot
    .command('verify')
    .description('read what is stored of one snapshot, or of all, and compare it with what was saved; changes nothing')
    .argument('<store>', STORE)
    .argument('[snapshot]', WHICH)
    .option('--json', 'the report as JSON')
    .action(async (place: string, which: string | undefined, flags: VerifyFlags) => {
      const report = await verifySnapshots(place, which)
      console.log(flags.json ? formatJson(report) : reportText(report))
      if (!report.ok) setExitCode(ANOMALIES)
    })
}

function verifySnapshots(place: string, which: string | undefined): Promise<SnapshotReport> {
  return withSnapshots(place, { mode: 'read' }, async (snapshots, signal) => {
    const id = which === undefined ? undefined : (await findSnapshot(snapshots, which, signal)).id
    return await snapshots.verify(id, { signal })
  })
}

function reportText({ ok, checked, problems }: SnapshotReport): string {
  const looked = formatCount(checked, 'snapshot')
  const found = ok ? `whole: ${looked}` : `${formatCount(problems.length, 'problem')}, in ${looked}`
  return [...problems.map(problemText), found].join('\n')
}
