import type { Command } from 'commander'
import type { SnapshotInfo } from '../../core/features/snapshots/types.js'
import { checkTarget, writeFileWhole } from '../file-output.js'
import { formatBytes, formatJson } from '../output.js'
import { STORE } from '../place.js'
import { writeOut } from '../write-out.js'
import { infoName } from './info-table.js'
import { findSnapshot, WHICH } from './which.js'
import { withSnapshots } from './with-snapshots.js'

interface RestoreFlags {
  readonly dryRun?: true
  readonly force?: true
}

export function addRestore(snapshot: Command): void {
  snapshot
    .command('restore')
    .description('write the state of a snapshot to a file, whole or not at all, or to standard output')
    .argument('<store>', STORE)
    .argument('<snapshot>', WHICH)
    .argument('[file]', '- or none is standard output', '-')
    .option('--dry-run', 'read and check all of it, and write nothing')
    .option('--force', 'replace the file where there is one')
    .action(restoreSnapshot)
}

async function restoreSnapshot(place: string, which: string, file: string, flags: RestoreFlags): Promise<void> {
  if (file !== '-' && !flags.dryRun) checkTarget(file, flags.force)
  await withSnapshots(place, { mode: 'read' }, async (snapshots, signal) => {
    const info = await findSnapshot(snapshots, which, signal)
    const state = await snapshots.load(info.id, { signal })
    const bytes = state instanceof Uint8Array ? state : Buffer.from(formatJson(state))
    if (flags.dryRun) console.log(`can be restored: ${restoredText(info, bytes.length)}`)
    else if (file === '-') await writeOut(bytes)
    else console.log(`restored ${restoredText(info, await writeFileWhole(file, [bytes], flags.force))}`)
  })
}

function restoredText(info: SnapshotInfo, bytes: number): string {
  return `${infoName(info)}, ${formatBytes(bytes)}`
}
