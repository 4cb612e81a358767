import { type Command, Option } from 'commander'
import type { SnapshotReport, VerifyLevel } from '../../core/features/snapshots/upkeep-types.js'
import { byteCount } from '../arguments.js'
import { ANOMALIES, type SetExitCode } from '../exit-codes.js'
import { formatCount, formatJson } from '../output.js'
import { STORE } from '../place.js'
import { withoutAbsent } from '../without-absent.js'
import { problemText } from './problem-text.js'
import { withProgress } from './snapshot-progress.js'
import { findSnapshot, WHICH } from './which.js'
import { withSnapshots } from './with-snapshots.js'

interface VerifyFlags {
  readonly level?: VerifyLevel
  readonly budget?: number
  readonly cursor?: string
  readonly json?: true
}

const LEVELS: readonly VerifyLevel[] = ['chain', 'manifests', 'packs', 'hashes', 'chunks', 'restore']

export function addVerify(snapshot: Command, setExitCode: SetExitCode): void {
  snapshot
    .command('verify')
    .description('read what is stored of one snapshot, or of all, and compare it with what was saved; changes nothing')
    .argument('<store>', STORE)
    .argument('[snapshot]', WHICH)
    .addOption(new Option('--level <level>', 'how deep: each includes those before it (default: restore)').choices(LEVELS))
    .option('--budget <size>', 'stop after reading so much: 100MB', byteCount)
    .option('--cursor <text>', 'go on where a run with --budget stopped')
    .option('--json', 'the report as JSON')
    .action(async (place: string, which: string | undefined, flags: VerifyFlags) => {
      const report = await verifySnapshots(place, which, flags)
      console.log(flags.json ? formatJson(report) : reportText(report))
      if (!report.ok) setExitCode(ANOMALIES)
    })
}

function verifySnapshots(place: string, which: string | undefined, { level, budget, cursor }: VerifyFlags): Promise<SnapshotReport> {
  return withSnapshots(place, { mode: 'read' }, async (snapshots, signal) => {
    const id = which === undefined ? undefined : (await findSnapshot(snapshots, which, signal)).id
    const options = { ...withoutAbsent({ level, budgetBytes: budget, cursor }), signal }
    return await withProgress((onProgress) => snapshots.verify(id, { ...options, onProgress }))
  })
}

function reportText({ ok, checked, problems, cursor }: SnapshotReport): string {
  const looked = formatCount(checked, 'snapshot')
  const found = ok ? `whole: ${looked}` : `${formatCount(problems.length, 'problem')}, in ${looked}`
  return [
    ...problems.map(problemText),
    found,
    ...(cursor === undefined ? [] : [`not all was looked at: go on with --cursor ${cursor}`]),
  ].join('\n')
}
