// Compaction by key: of each key the last record stays, a tombstone only for a while. Offsets stay as they are. Takes memory
// for every key.

import type { StreamRecord } from '../../core/ports/stream-broker.js'
import { entriesOf, idOf, recordOf } from './entry.js'
import { pack } from './pack.js'
import type { StreamCore } from './stream-core.js'
import { REMOVE } from './stream-scripts.js'

const PAGE = 500

/** Oldest first: an older value is gone before the tombstone that hides it. */
export async function removeReplaced(core: StreamCore, tombstonesBefore: number): Promise<void> {
  const latest = new Map<string, { readonly offset: number; readonly isPast: boolean }>()
  const removed: number[] = []
  for await (const { key, value, timestamp, offset } of recordsOf(core)) {
    if (key === undefined) continue
    const name = Buffer.from(key).toString('latin1')
    const before = latest.get(name)
    if (before !== undefined) removed.push(before.offset)
    latest.set(name, { offset, isPast: value === undefined && timestamp < tombstonesBefore })
  }
  for (const { offset, isPast } of latest.values()) if (isPast) removed.push(offset)
  removed.sort((a, b) => a - b)
  for (let at = 0; at < removed.length; at += PAGE) {
    const { connection, keys } = core
    await connection.run(REMOVE, [keys.stream, keys.meta, keys.marks], [pack(removed.slice(at, at + PAGE))], 'compact')
  }
}

async function* recordsOf({ connection, keys }: StreamCore): AsyncIterable<StreamRecord> {
  for (let from = 0; ; ) {
    const entries = entriesOf(await connection.command(['XRANGE', keys.stream, idOf(from), '+', 'COUNT', PAGE], 'compact'))
    let last: StreamRecord | undefined
    for (const entry of entries) {
      last = recordOf(entry)
      yield last
    }
    if (last === undefined || entries.length < PAGE) return
    from = last.offset + 1
  }
}
