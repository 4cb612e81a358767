// Sessions for those who go on past one that is damaged.

import { isDamage } from './damage.js'
import type { SnapshotPlace } from './place.js'
import type { OpenedSession } from './snapshot-index.js'

/** All whose cells can be read. */
export async function* readableSessions({ index }: SnapshotPlace, signal: AbortSignal | undefined): AsyncGenerator<OpenedSession> {
  for await (const { key } of index.cells(signal === undefined ? {} : { signal })) {
    const opened = await index.open(key, signal).catch((error: unknown) => {
      if (!isDamage(error)) throw error
    })
    if (opened !== undefined) yield opened
  }
}

/** Of all sessions that can be read. */
export async function latestStamp(place: SnapshotPlace): Promise<number> {
  let latest = 0
  for await (const { state } of readableSessions(place, undefined)) latest = Math.max(latest, state.swept)
  return latest
}
