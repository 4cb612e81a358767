// One pack in the making: records one after another in memory that the pack is put from, then their table.

import { grow } from '../../base/bytes.js'
import { sha256Hex } from '../../codec/hash.js'
import {
  CHUNK_HEADER_BYTES,
  ENTRY_BYTES,
  HEADER_BYTES,
  packHeader,
  packTail,
  type StoredChunk,
  TRAILER_BYTES,
  writeEntry,
  writeRecord,
} from './pack-format.js'

const FIRST_BYTES = 2 ** 14
const FIRST_ENTRIES = 16

export interface FinishedPack {
  readonly name: string
  /** A view of the writer's memory. */
  readonly bytes: Uint8Array
  /** As in its table. */
  readonly entries: Uint8Array
}

/** What so many stored bytes of a chunk take in a pack, with header and entry. */
export function packedBytes(storedBytes: number): number {
  return CHUNK_HEADER_BYTES + storedBytes + ENTRY_BYTES
}

export class PackWriter {
  #bytes: Uint8Array
  #end = HEADER_BYTES
  #entries = new Uint8Array(FIRST_ENTRIES * ENTRY_BYTES)
  #entriesEnd = 0

  /** `memory` is written over; where it is too small, more is taken. */
  constructor(memory: Uint8Array = new Uint8Array(FIRST_BYTES)) {
    this.#bytes = memory
  }

  get isEmpty(): boolean {
    return this.#entriesEnd === 0
  }

  /** Of the pack, were it finished now. */
  get bytes(): number {
    return this.#end + this.#entriesEnd + TRAILER_BYTES
  }

  /** What the pack lies in. */
  get memory(): Uint8Array {
    return this.#bytes
  }

  add(chunk: StoredChunk): void {
    const length = CHUNK_HEADER_BYTES + chunk.bytes.length
    this.#makeRoom(length)
    writeRecord(chunk, this.#bytes, this.#end)
    this.#enter(length)
  }

  /** A whole record out of another pack, as it is. */
  copy(record: Uint8Array): void {
    this.#makeRoom(record.length)
    this.#bytes.set(record, this.#end)
    this.#enter(record.length)
  }

  /** Its last call. */
  async finish(): Promise<FinishedPack> {
    const tail = packTail([this.#entries.subarray(0, this.#entriesEnd)], this.#end)
    this.#makeRoom(tail.length)
    this.#bytes.set(packHeader())
    this.#bytes.set(tail, this.#end)
    const bytes = this.#bytes.subarray(0, this.#end + tail.length)
    return { name: await sha256Hex(bytes), bytes, entries: tail.subarray(0, tail.length - TRAILER_BYTES) }
  }

  #enter(length: number): void {
    if (this.#entriesEnd === this.#entries.length) this.#entries = grow(this.#entries, this.#entriesEnd, this.#entriesEnd + ENTRY_BYTES)
    writeEntry(this.#bytes.subarray(this.#end, this.#end + CHUNK_HEADER_BYTES), this.#end, this.#entries, this.#entriesEnd)
    this.#entriesEnd += ENTRY_BYTES
    this.#end += length
  }

  /** A power of two, as the usual sizes of packs are: no more is taken than those. */
  #makeRoom(length: number): void {
    const needed = this.#end + length
    if (needed > this.#bytes.length) this.#bytes = grow(this.#bytes, this.#end, 2 ** Math.ceil(Math.log2(needed)))
  }
}
