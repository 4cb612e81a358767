import type { Command } from 'commander'
import type { PruneOptions, PrunePolicy, PruneReport } from '../../core/features/snapshots/retention-types.js'
import type { Snapshots } from '../../core/features/snapshots/snapshots.js'
import type { SnapshotInfo } from '../../core/features/snapshots/types.js'
import { mayDelete } from '../confirm.js'
import { FAILURE, type SetExitCode } from '../exit-codes.js'
import { formatCount, formatJson } from '../output.js'
import { STORE } from '../place.js'
import { withoutAbsent } from '../without-absent.js'
import { checkNames } from './check-names.js'
import { collectText } from './collect.js'
import { infoTable } from './info-table.js'
import { addPolicyOptions, type PolicyFlags, policyOf } from './prune-options.js'
import { withProgress } from './snapshot-progress.js'
import { withSnapshots } from './with-snapshots.js'

interface PruneFlags extends PolicyFlags {
  readonly agent?: string
  readonly session?: string
  readonly branch?: string
  readonly dryRun?: true
  readonly yes?: true
  readonly collect?: true
  readonly json?: true
}

export function addPrune(snapshot: Command, setExitCode: SetExitCode): void {
  addPolicyOptions(
    snapshot
      .command('prune')
      .description('delete the snapshots of each branch that no rule keeps, never the last one of it; asks first')
      .argument('<store>', STORE),
  )
    .option('--agent <name>', 'only of this agent')
    .option('--session <name>', 'only of this session')
    .option('--branch <name>', 'only of this branch')
    .option('--dry-run', 'say what would be deleted and what stays for which reason, and delete nothing')
    .option('--yes', 'do not ask')
    .option('--collect', 'then free what no snapshot needs any more')
    .option('--json', 'the report as JSON')
    .action(async (place: string, flags: PruneFlags) => {
      const policy = policyOf(flags)
      const mode = flags.dryRun ? 'read' : 'write'
      const isDone = await withSnapshots(place, { mode }, (snapshots, signal) => prune(snapshots, policy, flags, signal))
      if (!isDone) setExitCode(FAILURE)
    })
}

async function prune(snapshots: Snapshots<unknown>, policy: PrunePolicy, flags: PruneFlags, signal: AbortSignal): Promise<boolean> {
  const { agent, session, branch, dryRun, yes, json } = flags
  const names = withoutAbsent({ agent, session, branch })
  const options: PruneOptions = { ...names, signal }
  await checkNames(snapshots, names)
  const planned = await snapshots.prune(policy, { ...options, dryRun: true })
  if (!json) console.log(pruneTable(planned))
  else if (!dryRun && !yes) console.error(pruneTable(planned))
  if (dryRun || planned.removed.length === 0) {
    const report = { ...planned, dryRun: dryRun ?? false }
    console.log(json ? formatJson(report) : countText(report))
    return true
  }
  const count = formatCount(planned.removed.length, 'snapshot')
  if (!(await mayDelete(`Delete ${count} of ${planned.removed.length + planned.kept.length}?`, yes))) {
    console.error('nothing was changed')
    return false
  }
  const done = await snapshots.prune(policy, options)
  console.log(json ? formatJson(done) : countText(done))
  if (flags.collect) await collectAfter(snapshots, signal, json)
  else if (!json) console.log('varve snapshot collect frees what no snapshot needs any more')
  return true
}

async function collectAfter(snapshots: Snapshots<unknown>, signal: AbortSignal, json: true | undefined): Promise<void> {
  const report = await withProgress((onProgress) => snapshots.collect({ onProgress, signal }))
  console.log(json ? formatJson(report) : collectText(report))
}

interface Fate {
  readonly info: SnapshotInfo
  readonly reasons: readonly string[]
}

function pruneTable({ kept, removed }: PruneReport): string {
  const rows: readonly Fate[] = [...kept, ...removed.map((info) => ({ info, reasons: [] }))]
  return infoTable(
    [...rows].sort((a, b) => b.info.timestamp - a.info.timestamp || b.info.index - a.info.index),
    [{ title: 'stays because', cell: ({ reasons }) => (reasons.length === 0 ? 'GOES' : reasons.join(', ')) }],
  )
}

function countText({ dryRun, kept, removed }: PruneReport): string {
  return `${formatCount(removed.length, 'snapshot')} ${dryRun ? 'would be ' : ''}deleted, ${kept.length} kept`
}
