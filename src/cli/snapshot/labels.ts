// Tags and pins: what may change of a snapshot.

import type { Command } from 'commander'
import { formatCount } from '../output.js'
import { STORE } from '../place.js'
import { findSnapshot, WHICH } from './which.js'
import { withSnapshots } from './with-snapshots.js'

export function addTag(snapshot: Command): void {
  snapshot
    .command('tag')
    .description('give a snapshot tags, or take them away')
    .argument('<store>', STORE)
    .argument('<snapshot>', WHICH)
    .argument('<tags...>', 'the tags')
    .option('--remove', 'take them away')
    .action((place: string, which: string, tags: readonly string[], { remove }: { remove?: true }) =>
      withSnapshots(place, { mode: 'write' }, async (snapshots, signal) => {
        const { id } = await findSnapshot(snapshots, which, signal)
        const info = remove ? await snapshots.untag(id, tags, { signal }) : await snapshots.tag(id, tags, { signal })
        const now = info.tags
        console.log(now.length === 0 ? 'no tags' : `tags: ${now.map((tag) => JSON.stringify(tag)).join(' ')}`)
      }),
    )
}

export function addPin(snapshot: Command): void {
  addPinVerb(snapshot, 'pin', 'keep snapshots whatever a prune says')
}

export function addUnpin(snapshot: Command): void {
  addPinVerb(snapshot, 'unpin', 'let a prune remove snapshots again')
}

function addPinVerb(snapshot: Command, verb: 'pin' | 'unpin', description: string): void {
  snapshot
    .command(verb)
    .description(description)
    .argument('<store>', STORE)
    .argument('<snapshots...>', WHICH)
    .action((place: string, which: readonly string[]) =>
      withSnapshots(place, { mode: 'write' }, async (snapshots, signal) => {
        for (const one of which) await snapshots[verb]((await findSnapshot(snapshots, one, signal)).id, { signal })
        console.log(`${formatCount(which.length, 'snapshot')} ${verb}ned`)
      }),
    )
}
