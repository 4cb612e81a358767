// Where the bytes of a plain file lie in the sealed one. Nothing of it is stored: records say where they begin, and some of
// those that were seen are remembered; from the nearest one it is not far to any other, and where it is, halves are tried.

import { SEGMENT_BYTES } from '../codec/sealed-sizes.js'
import {
  nextRecordMagic,
  previousRecordMagic,
  RECORD_HEADER_BYTES,
  recordBytes,
  SEALED_FILE_HEADER_BYTES,
  type SealedRecord,
  type SealedRecords,
} from '../codec/sealed-file.js'
import type { ByteSource } from '../ports/file-store.js'

/** A record's begin in the plain file and in the sealed one. */
export interface Position {
  readonly start: number
  readonly at: number
}

export interface FoundRecord extends SealedRecord {
  readonly at: number
}

/** So far apart are those that are remembered. */
const APART_BYTES = 32_768
/** Where the next one known is farther than that, halves are tried. */
const NEAR_BYTES = 4 * SEGMENT_BYTES
const SEARCH_BYTES = recordBytes(SEGMENT_BYTES) + RECORD_HEADER_BYTES

export class SealedPositions {
  readonly #source: ByteSource
  readonly #records: SealedRecords
  /** Ascending. */
  readonly #known: Position[] = [{ start: 0, at: SEALED_FILE_HEADER_BYTES }]

  constructor(source: ByteSource, records: SealedRecords) {
    this.#source = source
    this.#records = records
  }

  note(position: Position): void {
    const index = this.#indexBelow(position.start)
    const below = this.#known[index] as Position
    const above = this.#known[index + 1]
    const isApart = position.at - below.at >= APART_BYTES && (above === undefined || above.at - position.at >= APART_BYTES)
    if (isApart) this.#known.splice(index + 1, 0, position)
  }

  /** A record, or where one should be, from which it is not far to the one that holds `start`. */
  async near(start: number): Promise<Position> {
    const index = this.#indexBelow(start)
    let low = this.#known[index] as Position
    let high = this.#known[index + 1]?.at ?? this.#source.size
    while (high - low.at > NEAR_BYTES) {
      const middle = low.at + Math.floor((high - low.at) / 2)
      const found = await this.next(middle, { end: high, least: low.start })
      if (found === undefined || found.start > start) high = middle
      else low = found
    }
    this.note(low)
    return low
  }

  /** The first record at `at` or behind it and before `end`, which does not begin before `least` of the plain file. */
  async next(at: number, { end, least }: { readonly end: number; readonly least: number }): Promise<FoundRecord | undefined> {
    for (let from = at; from < end; from += SEARCH_BYTES - RECORD_HEADER_BYTES + 1) {
      const bytes = await this.#source.read({ start: from, end: from + SEARCH_BYTES })
      for (let index = nextRecordMagic(bytes, 0); index !== -1 && from + index < end; index = nextRecordMagic(bytes, index + 1)) {
        const record = this.#records.recordAt(bytes, index, from + index)
        if (record !== undefined && record.start >= least) return { ...record, at: from + index }
      }
    }
    return undefined
  }

  /** The last record of the sealed file; what lies behind `from` is looked at. */
  async last(from: number): Promise<FoundRecord | undefined> {
    for (let end = this.#source.size; end > from; end -= SEARCH_BYTES - RECORD_HEADER_BYTES + 1) {
      const begin = Math.max(from, end - SEARCH_BYTES)
      const bytes = await this.#source.read({ start: begin, end })
      for (let index = previousRecordMagic(bytes, bytes.length - 1); index !== -1; index = previousRecordMagic(bytes, index - 1)) {
        const record = this.#records.recordAt(bytes, index, begin + index)
        if (record !== undefined) return { ...record, at: begin + index }
      }
    }
    return undefined
  }

  #indexBelow(start: number): number {
    let low = 0
    let high = this.#known.length
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if ((this.#known[middle] as Position).start <= start) low = middle
      else high = middle
    }
    return low
  }
}
