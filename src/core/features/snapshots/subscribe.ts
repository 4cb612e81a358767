// Infos of snapshots as they are saved: first those that were missed, then each as it comes.

import { isStorageError } from '../../base/errors.js'
import { Latch, nextWake, POLL_MS } from '../../base/latch.js'
import { missing } from './damage.js'
import { select } from './list.js'
import type { SnapshotPlace } from './place.js'
import { labelledInfo, type Located } from './snapshot-index.js'
import type { SnapshotChange, SnapshotInfo, SubscribeOptions } from './types.js'
import type { SnapshotWatcher } from './watcher.js'

/** Ends normally when the signal aborts, or with `isClosed`. */
export async function* subscribe(
  place: SnapshotPlace,
  watcher: SnapshotWatcher,
  options: SubscribeOptions,
  isClosed: () => boolean,
): AsyncGenerator<SnapshotInfo> {
  const { signal } = options
  const waiting: SnapshotChange[] = []
  const latch = new Latch()
  const stop = watcher.watch((change) => {
    if (change.type !== 'saved' || !isWanted(change, options)) return
    waiting.push(change)
    latch.wake()
  })
  try {
    // What is saved before the watcher has read all for the first time is found by the reading after it.
    await watcher.ready(signal)
    const told = new Set<string>()
    for (const located of await missed(place, options)) {
      told.add(located.summary.id)
      const info = await place.index.info(located, signal)
      if (info !== undefined) yield info
    }
    while (!signal?.aborted && !isClosed()) {
      const change = waiting.shift()
      if (change === undefined) {
        await nextWake(place.context.clock, (wake) => latch.listen(wake), POLL_MS, signal)
        continue
      }
      const info = told.delete(change.id) ? undefined : await infoOf(place, change)
      if (info !== undefined) yield info
    }
  } catch (error) {
    if (!signal?.aborted) throw error
  } finally {
    stop()
  }
}

/** Oldest first. */
async function missed({ index }: SnapshotPlace, { after, signal, ...filter }: SubscribeOptions): Promise<Located[]> {
  if (after === undefined) return []
  const last = await index.locate(after, signal)
  if (last === undefined) throw missing({ id: after })
  const found: Located[] = []
  for await (const located of select(index, { ...filter, ...(signal && { signal }) })) {
    const { state, summary } = located
    if (summary.timestamp < last.summary.timestamp) break
    const isSameSession = state.agent === last.state.agent && state.session === last.state.session
    if (!isSameSession || summary.index > last.summary.index) found.push(located)
  }
  return found.reverse()
}

async function infoOf({ index }: SnapshotPlace, { id }: SnapshotChange): Promise<SnapshotInfo | undefined> {
  try {
    const { manifest, summary } = await index.published(id)
    return labelledInfo(manifest, summary)
  } catch (error) {
    if (isStorageError(error, 'missing')) return undefined
    throw error
  }
}

function isWanted(change: SnapshotChange, { agent, session, branch }: SubscribeOptions): boolean {
  if (agent !== undefined && change.agent !== agent) return false
  return (session === undefined || change.session === session) && (branch === undefined || change.branch === branch)
}
