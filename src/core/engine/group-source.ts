// What a group needs of the stream that it delivers from, and the records that it has not delivered yet.

import { fromUtf8 } from '../base/bytes.js'
import { OWN_HEADER } from '../base/own-headers.js'
import { murmur3 } from '../codec/murmur3.js'
import type { GroupOrdering, RecordStream, StreamRecord } from '../ports/stream-broker.js'
import type { Candidate, Fresh, GroupState } from './group-state.js'

/** A journal, or any record stream. */
export interface GroupSource extends Pick<RecordStream, 'read' | 'bounds' | 'listen'> {
  /** Where a position of an earlier epoch must go back to. Where it is absent: the end, for one that lies behind it. */
  rewindTo?(next: number, epoch: number): Promise<number>
}

/** With the record, where it can be delivered at once. */
export interface FreshRecord extends Candidate {
  readonly record: StreamRecord | undefined
}

export interface FetchOptions {
  readonly ordering: GroupOrdering
  readonly now: number
  /** How many are wanted, apart from those that wait to be delivered again. */
  readonly limit: number
  /** So many are looked at, at most: those of blocked keys too. */
  readonly room: number
  /** High-water mark. */
  readonly next: number
  readonly from: number
}

/** Records that are looked at together for their keys. */
const PIECE = 256

/** Reads ahead of a group until as many can be delivered as are wanted. */
export async function fetchFresh(source: GroupSource, state: GroupState, options: FetchOptions): Promise<Fresh<FreshRecord>> {
  const { ordering, now, limit, room, next, from } = options
  const candidates: FreshRecord[] = []
  const keys = new Set<number>()
  let to = from
  let wanted = limit
  while (wanted > 0 && to < next && candidates.length < room) {
    const read = await source.read({ from: to, limit: Math.min(wanted, next - to, room - candidates.length) }).catch((error) => {
      if (candidates.length === 0) throw error
      return [] // what is whole comes first
    })
    for (const record of read) {
      const key = ordering === 'none' ? undefined : keyOf(record)
      const due = dueOf(record)
      const isBlocked = due > now || (key !== undefined && (keys.has(key) || state.hasKey(key)))
      if (key !== undefined) keys.add(key)
      if (!isBlocked) wanted--
      candidates.push({ offset: record.offset, key, due, record: isBlocked ? undefined : record })
    }
    const last = read[read.length - 1]
    if (last === undefined) {
      if (candidates.length === 0) to = next // nothing is there any more
      break
    }
    to = last.offset + 1
  }
  return { candidates, from, to }
}

/** The keys in whose order these records stand; what is not there any more has none. */
export async function keysAt(source: GroupSource, entries: readonly { readonly offset: number }[]): Promise<Map<number, number>> {
  const keys = new Map<number, number>()
  for (let at = 0; at < entries.length; ) {
    const from = (entries[at] as { offset: number }).offset
    const read = await source.read({ from, limit: PIECE })
    for (const record of read) {
      const key = keyOf(record)
      if (key !== undefined) keys.set(record.offset, key)
    }
    const next = Math.max(from + 1, (read.at(-1)?.offset ?? from) + 1)
    while (at < entries.length && (entries[at] as { offset: number }).offset < next) at++
  }
  return keys
}

/** Hash of what its order goes by. */
function keyOf({ key }: StreamRecord): number | undefined {
  return key === undefined ? undefined : murmur3(key)
}

/** When the record may be delivered, ms; 0: at once. */
function dueOf({ headers }: StreamRecord): number {
  for (const [name, value] of headers) {
    if (name !== OWN_HEADER.due) continue
    const due = Number(fromUtf8(value))
    return due >= 0 ? due : 0
  }
  return 0
}
