import type { Command } from 'commander'
import type { CollectReport } from '../../core/features/snapshots/upkeep-types.js'
import { byteCount } from '../arguments.js'
import { formatBytes, formatCount, formatJson } from '../output.js'
import { STORE } from '../place.js'
import { withoutAbsent } from '../without-absent.js'
import { withProgress } from './snapshot-progress.js'
import { withSnapshots } from './with-snapshots.js'

interface CollectFlags {
  readonly dryRun?: true
  readonly maxBytes?: number
  readonly json?: true
}

export function addCollect(snapshot: Command): void {
  snapshot
    .command('collect')
    .description('free what no snapshot needs any more; others may go on saving meanwhile')
    .argument('<store>', STORE)
    .option('--dry-run', 'say what would be freed, and free nothing')
    .option('--max-bytes <size>', 'move at most so much that is still needed; the rest is left to the next run (100MB)', byteCount)
    .option('--json', 'the report as JSON')
    .action((place: string, { dryRun, maxBytes, json }: CollectFlags) =>
      withSnapshots(place, { mode: dryRun ? 'read' : 'write' }, async (snapshots, signal) => {
        const options = { ...withoutAbsent({ dryRun, maxBytes }), signal }
        const report = await withProgress((onProgress) => snapshots.collect({ ...options, onProgress }))
        console.log(json ? formatJson(report) : collectText(report))
      }),
    )
}

export function collectText({ dryRun, snapshots, liveBytes, removedPacks, removedBlobs, reclaimedBytes }: CollectReport): string {
  const needed = `${formatCount(snapshots, 'snapshot')} ${snapshots === 1 ? 'needs' : 'need'} ${formatBytes(liveBytes)}`
  const removed = `${formatCount(removedPacks, 'pack')} and ${formatCount(removedBlobs, 'other blob')}`
  return `${formatBytes(reclaimedBytes)} ${dryRun ? 'would be ' : ''}freed (${removed}); ${needed}`
}
