import type { Command } from 'commander'
import { StorageError } from '../../core/base/errors.js'
import type { SnapshotInfo } from '../../core/features/snapshots/types.js'
import { checkTarget, writeFileWhole } from '../file-output.js'
import { formatBytes } from '../output.js'
import { STORE } from '../place.js'
import { writeOut } from '../write-out.js'
import { infoName } from './info-table.js'
import { withProgress } from './snapshot-progress.js'
import { restoreTo } from './restore-to.js'
import { type ContentFlags, contentOf } from './state-output.js'
import { findSnapshot, WHICH } from './which.js'
import { withSnapshots } from './with-snapshots.js'

interface RestoreFlags extends ContentFlags {
  readonly dryRun?: true
  readonly force?: true
}

export function addRestore(snapshot: Command): void {
  snapshot
    .command('restore')
    .description('write the state of a snapshot to a file, whole or not at all, or to standard output; all that is read is checked')
    .argument('<store>', STORE)
    .argument('<snapshot>', WHICH)
    .argument('[file]', '- or none is standard output', '-')
    .option('--json', 'decode the state and write it as JSON, whatever it was saved as')
    .option('--to <store>', 'copy it, with its id, to this store instead; made when it is not there')
    .option('--dry-run', 'read and check all of it, and write nothing')
    .option('--force', 'replace the file where there is one')
    .action((place: string, which: string, file: string, { to, ...flags }: RestoreFlags & { to?: string }) => {
      if (to === undefined) return restore(place, which, file, flags)
      if (file === '-' && Object.keys(flags).length === 0) return restoreTo(place, which, to)
      throw new StorageError('invalid', '--to copies a snapshot as it is: no file and no other option goes with it')
    })
}

function restore(place: string, which: string, file: string, flags: RestoreFlags): Promise<void> {
  if (file !== '-' && !flags.dryRun) checkTarget(file, flags.force)
  return withSnapshots(place, { mode: 'read' }, async (snapshots, signal) => {
    const info = await findSnapshot(snapshots, which, signal)
    const isOnScreen = file === '-' && process.stdout.isTTY
    const done = await withProgress((onProgress) => {
      const options = isOnScreen ? { signal } : { onProgress, signal }
      return write(info, contentOf(snapshots, info.id, flags, options), file, flags)
    })
    if (done !== undefined) console.log(done)
  })
}

type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** Gives what is said of it. */
async function write(info: SnapshotInfo, content: Chunks, file: string, { dryRun, force }: RestoreFlags): Promise<string | undefined> {
  if (!dryRun && file !== '-') return `restored ${writtenText(info, await writeFileWhole(file, content, force))}`
  let bytes = 0
  for await (const chunk of content) {
    bytes += chunk.length
    if (!dryRun) await writeOut(chunk)
  }
  if (dryRun) return `can be restored: ${writtenText(info, bytes)}`
  if (process.stdout.isTTY) await writeOut('\n')
  return undefined
}

function writtenText(info: SnapshotInfo, bytes: number): string {
  return `${infoName(info)}, ${formatBytes(bytes)}`
}
