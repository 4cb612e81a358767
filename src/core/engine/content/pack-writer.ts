// One pack in the making: records one after another, then their table.

import { concatBytes } from '../../base/bytes.js'
import { sha256Hex } from '../../codec/hash.js'
import { ENTRY_BYTES, entryOf, HEADER_BYTES, packHeader, packTail, TRAILER_BYTES } from './pack-format.js'

export interface FinishedPack {
  readonly name: string
  readonly bytes: Uint8Array
  /** As in its table. */
  readonly entries: Uint8Array
}

/** What a record takes in a pack, with its entry. */
export function recordBytes(record: Uint8Array): number {
  return record.length + ENTRY_BYTES
}

export class PackWriter {
  readonly #parts: Uint8Array[] = []
  readonly #entries: Uint8Array[] = []
  #end = HEADER_BYTES

  get isEmpty(): boolean {
    return this.#entries.length === 0
  }

  /** Of the pack, were it finished now. */
  get bytes(): number {
    return this.#end + this.#entries.length * ENTRY_BYTES + TRAILER_BYTES
  }

  add(record: Uint8Array): void {
    this.#entries.push(entryOf(record, this.#end))
    this.#parts.push(record)
    this.#end += record.length
  }

  async finish(): Promise<FinishedPack> {
    const tail = packTail(this.#entries, this.#end)
    const bytes = concatBytes([packHeader(), ...this.#parts, tail])
    return { name: await sha256Hex(bytes), bytes, entries: tail.subarray(0, tail.length - TRAILER_BYTES) }
  }
}
