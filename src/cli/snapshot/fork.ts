import type { Command } from 'commander'
import { formatJson } from '../output.js'
import { STORE } from '../place.js'
import { withoutAbsent } from '../without-absent.js'
import { infoName } from './info-table.js'
import { findSnapshot, WHICH } from './which.js'
import { withSnapshots } from './with-snapshots.js'

interface ForkFlags {
  readonly agent?: string
  readonly session?: string
  readonly branch?: string
  readonly json?: true
}

export function addFork(snapshot: Command): void {
  snapshot
    .command('fork')
    .description('begin a branch, or a session, with the state of a snapshot; nothing is stored twice')
    .argument('<store>', STORE)
    .argument('<snapshot>', WHICH)
    .option('--agent <name>', 'of the new branch (default: the same)')
    .option('--session <name>', 'of the new branch (default: the same)')
    .option('--branch <name>', 'its name (default: main in another session, fork-<index> in the same)')
    .option('--json', 'all about the new snapshot as JSON')
    .action((place: string, which: string, { json, agent, session, branch }: ForkFlags) =>
      withSnapshots(place, { mode: 'write' }, async (snapshots, signal) => {
        const { id } = await findSnapshot(snapshots, which, signal)
        const info = await snapshots.fork(id, { ...withoutAbsent({ agent, session, branch }), signal })
        console.log(json ? formatJson(info) : `${info.id}\n${infoName(info)}`)
      }),
    )
}
