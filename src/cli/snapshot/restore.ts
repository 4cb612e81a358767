import type { Command } from 'commander'
import { StorageError } from '../../core/base/errors.js'
import type { Snapshots } from '../../core/features/snapshots/snapshots.js'
import type { SnapshotInfo } from '../../core/features/snapshots/types.js'
import { FAILURE, type SetExitCode } from '../exit-codes.js'
import { checkTarget, writeFileWhole } from '../file-output.js'
import { formatBytes, formatCount } from '../output.js'
import { STORE } from '../place.js'
import { writeOut } from '../write-out.js'
import { infoName } from './info-table.js'
import { withProgress } from './snapshot-progress.js'
import { lostText } from './problem-text.js'
import { restoreTo } from './restore-to.js'
import { type ContentFlags, contentOf, salvagedContent } from './state-output.js'
import { findSnapshot, WHICH } from './which.js'
import { withSnapshots } from './with-snapshots.js'

interface RestoreFlags extends ContentFlags {
  readonly damaged?: true
  readonly dryRun?: true
  readonly force?: true
}

export function addRestore(snapshot: Command, setExitCode: SetExitCode): void {
  snapshot
    .command('restore')
    .description('write the state of a snapshot to a file, whole or not at all, or to standard output; all that is read is checked')
    .argument('<store>', STORE)
    .argument('<snapshot>', WHICH)
    .argument('[file]', '- or none is standard output', '-')
    .option('--path <pointer>', 'only this part of a JSON state, as a JSON Pointer: /notes/3')
    .option('--json', 'decode the state and write it as JSON, whatever it was saved as')
    .option('--damaged', 'write what is left of a damaged state, and say what is lost')
    .option('--to <store>', 'copy it, with its id, to this store instead; made when it is not there')
    .option('--dry-run', 'read and check all of it, and write nothing')
    .option('--force', 'replace the file where there is one')
    .action(async (place: string, which: string, file: string, { to, ...flags }: RestoreFlags & { to?: string }) => {
      if (to === undefined) {
        const isWhole = await restore(place, which, file, flags)
        return setExitCode(isWhole ? 0 : FAILURE)
      }
      if (file === '-' && Object.keys(flags).length === 0) return await restoreTo(place, which, to)
      throw new StorageError('invalid', '--to copies a snapshot as it is: no file and no other option goes with it')
    })
}

/** Whether nothing is lost. */
function restore(place: string, which: string, file: string, flags: RestoreFlags): Promise<boolean> {
  if (file !== '-' && !flags.dryRun) checkTarget(file, flags.force)
  return withSnapshots(place, { mode: 'read' }, async (snapshots, signal) => {
    const info = await findSnapshot(snapshots, which, signal)
    if (flags.damaged) return await restoreDamaged(snapshots, info, file, flags, signal)
    const isOnScreen = file === '-' && process.stdout.isTTY
    const done = await withProgress((onProgress) => {
      const options = isOnScreen ? { signal } : { onProgress, signal }
      return write(info, contentOf(snapshots, info.id, flags, options), file, flags)
    })
    if (done !== undefined) console.log(done)
    return true
  })
}

async function restoreDamaged(
  snapshots: Snapshots<unknown>,
  info: SnapshotInfo,
  file: string,
  flags: RestoreFlags,
  signal: AbortSignal,
): Promise<boolean> {
  if (flags.path !== undefined) throw new StorageError('invalid', '--damaged restores the whole state: leave --path out')
  const { content, lost } = await salvagedContent(snapshots, info.id, { signal })
  for (const { path, code, message } of lost) console.error(`${lostText(path)} (${message}) [${code}]`)
  if (content === undefined) throw new StorageError('corrupt', 'nothing of the state is left', { key: info.id })
  const done = await write(info, [content], file, flags)
  if (done !== undefined) console.log(done)
  if (lost.length > 0) console.error(`${formatCount(lost.length, 'part')} lost, all else is there`)
  return lost.length === 0
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
