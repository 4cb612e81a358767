import type { Command } from 'commander'
import { StorageError } from '../../core/base/errors.js'
import type { Snapshots } from '../../core/features/snapshots/snapshots.js'
import type { SnapshotInfo } from '../../core/features/snapshots/types.js'
import { mayDelete } from '../confirm.js'
import { FAILURE, type SetExitCode } from '../exit-codes.js'
import { formatCount } from '../output.js'
import { STORE } from '../place.js'
import { writeJsonLines } from '../write-out.js'
import { checkNames } from './check-names.js'
import { infoTable } from './info-table.js'
import { findSnapshot, WHICH } from './which.js'
import { withSnapshots } from './with-snapshots.js'

interface DeleteFlags {
  readonly agent?: string
  readonly session?: string
  readonly yes?: true
  readonly json?: true
}

export function addDelete(snapshot: Command, setExitCode: SetExitCode): void {
  snapshot
    .command('delete')
    .description('delete snapshots, or with --agent and --session all of a session; asks first')
    .argument('<store>', STORE)
    .argument('[snapshots...]', WHICH)
    .option('--agent <name>', 'of the session')
    .option('--session <name>', 'the whole of it')
    .option('--yes', 'do not ask')
    .option('--json', 'one line of JSON a snapshot that was deleted')
    .action(async (place: string, which: readonly string[], flags: DeleteFlags) => {
      const isDone = await withSnapshots(place, { mode: 'write' }, (snapshots, signal) => deleteThem(snapshots, which, flags, signal))
      if (!isDone) setExitCode(FAILURE)
    })
}

async function deleteThem(
  snapshots: Snapshots<unknown>,
  which: readonly string[],
  flags: DeleteFlags,
  signal: AbortSignal,
): Promise<boolean> {
  const infos = await chosen(snapshots, which, flags, signal)
  const count = formatCount(infos.length, 'snapshot')
  if (!flags.yes) console.error(infoTable(infos.map((info) => ({ info }))))
  if (!(await mayDelete(`Delete ${infos.length === 1 ? 'this snapshot' : `these ${count}`}?`, flags.yes))) {
    console.error('nothing was changed')
    return false
  }
  const { agent, session } = flags
  if (agent !== undefined && session !== undefined) await snapshots.delete({ agent, session }, { signal })
  else for (const { id } of infos) await snapshots.delete(id, { signal })
  if (flags.json) await writeJsonLines(infos)
  else console.log(`${count} deleted; varve snapshot collect frees what no other needs`)
  return true
}

async function chosen(
  snapshots: Snapshots<unknown>,
  which: readonly string[],
  { agent, session }: DeleteFlags,
  signal: AbortSignal,
): Promise<readonly SnapshotInfo[]> {
  const isSession = agent !== undefined && session !== undefined
  if ((agent === undefined) !== (session === undefined) || isSession === which.length > 0) {
    throw new StorageError('invalid', 'delete takes snapshots, or --agent and --session for all of a session')
  }
  const infos: SnapshotInfo[] = []
  if (!isSession) for (const one of which) infos.push(await findSnapshot(snapshots, one, signal))
  else for await (const info of snapshots.list({ agent, session, signal })) infos.push(info)
  if (isSession && infos.length === 0) await checkNames(snapshots, { agent, session })
  return infos
}
