import type { RawRecord } from '../../ports/stream-broker.js'
import type { Receipt } from './record-types.js'

/** A record on its way: settled once, whatever comes later. */
export interface WriterEntry {
  readonly bucket: number
  readonly raw: RawRecord
  /** About what it takes in memory. */
  readonly bytes: number
  /** Its own, which makes it a batch of its own; undefined: the writer numbers it with its batch. */
  readonly sequence: number | undefined
  /** It has room now. */
  admitted(): void
  resolve(receipt: Receipt): void
  reject(error: unknown): void
}

/** For the record itself, its promises and places in lists. */
const ENTRY_BYTES = 100
/** Of text in memory, for one unit. */
const UNIT_BYTES = 2

export function entryBytes({ key, value, headers = [] }: RawRecord): number {
  const parts = [key, value, ...headers.flat()]
  return parts.reduce<number>((sum, part) => sum + (typeof part === 'string' ? part.length * UNIT_BYTES : (part?.length ?? 0)), ENTRY_BYTES)
}
