// Whether two logs hold the same records where both hold any. Logs that are only appended to agree up to some offset, so
// that looking at the end of the shorter one is enough, and where they part is found by halves. The end of one that was
// replaced and appended to since would pass: who copies looks with every batch whether the last record it copied is still
// there.

import { equalBytes } from '../base/bytes.js'
import { murmur3 } from '../codec/murmur3.js'
import type { RecordStream, StreamRecord } from '../ports/stream-broker.js'

/** `unknown` where no offset was found that has a record in both. */
export type Agreement = 'same' | 'unknown' | { readonly differsFrom: number }

/** Records looked at in one piece, so many pieces at most: what one side has compacted away says nothing. */
const PIECE = 16
const PIECES = 64

/** Compares the newest records below `end` that both hold, back to `first`: one piece in which both hold any, not all below it. */
export async function compareEnds(a: RecordStream, b: RecordStream, first: number, end: number): Promise<Agreement> {
  let to = end
  for (let piece = 0; piece < PIECES && to > first; piece++) {
    const from = Math.max(first, to - PIECE)
    const found = await comparePiece(a, b, from, to)
    if (typeof found === 'object') return { differsFrom: await findParting(a, b, first, found.differsFrom) }
    if (found === 'same') return found
    to = from
  }
  return 'unknown'
}

/** Tells a record from another that took its offset. */
export function fingerprintOf({ timestamp, codec, key, value }: StreamRecord): string {
  return [timestamp, codec, ...[key, value].map((bytes) => bytes && `${bytes.length}:${murmur3(bytes)}`)].join('/')
}

/** The first offset that is known to differ, `known` being one. */
async function findParting(a: RecordStream, b: RecordStream, first: number, known: number): Promise<number> {
  let same = first
  let differs = known
  while (same < differs) {
    const middle = Math.floor((same + differs) / 2)
    const end = Math.min(differs, middle + PIECE)
    const found = await comparePiece(a, b, middle, end)
    if (typeof found === 'object') differs = found.differsFrom
    else same = end
  }
  return differs
}

/** Record by record: a piece may be as long as its records are large. */
async function comparePiece(a: RecordStream, b: RecordStream, from: number, end: number): Promise<Agreement> {
  let found: Agreement = 'unknown'
  for (let at = from; at < end; ) {
    const [one] = await a.read({ from: at, limit: 1 })
    if (one === undefined || one.offset >= end) return found
    const [other] = await b.read({ from: one.offset, limit: 1 })
    if (other?.offset === one.offset) {
      if (!isSameRecord(one, other)) return { differsFrom: one.offset }
      found = 'same'
    }
    at = one.offset + 1
  }
  return found
}

export function isSameRecord(a: StreamRecord, b: StreamRecord): boolean {
  return (
    a.timestamp === b.timestamp &&
    a.codec === b.codec &&
    a.schema === b.schema &&
    isSameBytes(a.key, b.key) &&
    isSameBytes(a.value, b.value) &&
    a.headers.length === b.headers.length &&
    a.headers.every(([name, value], index) => {
      const [otherName, otherValue] = b.headers[index] as readonly [string, Uint8Array]
      return name === otherName && equalBytes(value, otherValue)
    })
  )
}

function isSameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : equalBytes(a, b)
}
