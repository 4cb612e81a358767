// A frame of Zstandard, RFC 8878, for runtimes that have none: one frame, no dictionary. Nothing is written past the length
// that is expected, so that work and memory end there whatever the frame says. Its checksum is not looked at: what is
// stored has a better one.

import { refuse } from './bits.js'
import type { HuffmanTable } from './huffman.js'
import { at, readLiteralsSection } from './literals.js'
import { readSequences, type SequenceTables } from './sequences.js'

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd]
const BLOCK_BYTES = 128 * 1024
const BLOCK_HEADER = 3
/** Up to here a loop is quicker than a call. */
const SHORT_COPY = 32
/** The shortest block gives the longest: a byte that is repeated. */
const MOST_PER_BYTE = BLOCK_BYTES / (BLOCK_HEADER + 1)

/** Throws an Error unless the bytes are a frame that gives exactly `plainLength` bytes. */
export function decodeZstd(bytes: Uint8Array, plainLength: number): Uint8Array {
  if (plainLength > bytes.length * MOST_PER_BYTE) refuse('no frame of this length gives so much')
  const { start, hasChecksum } = readHeader(bytes)
  const frame = new FrameDecoder(plainLength)
  let from = start
  for (let isLast = false; !isLast; ) {
    const header = at(bytes, from) | (at(bytes, from + 1) << 8) | (at(bytes, from + 2) << 16)
    isLast = (header & 1) !== 0
    from += BLOCK_HEADER
    from += frame.block((header >>> 1) & 3, header >>> 3, bytes.subarray(from))
  }
  if (from + (hasChecksum ? 4 : 0) !== bytes.length) refuse('a frame ends at another place')
  return frame.done()
}

function readHeader(bytes: Uint8Array): { start: number; hasChecksum: boolean } {
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) refuse('no frame begins here')
  const flags = at(bytes, 4)
  if ((flags & 8) !== 0) refuse('a frame has an unknown flag')
  const isSingle = (flags & 32) !== 0
  const dictionary = [0, 1, 2, 4][flags & 3] as number
  const content = [isSingle ? 1 : 0, 2, 4, 8][flags >>> 6] as number
  const dictionaryAt = isSingle ? 5 : 6
  for (let i = 0; i < dictionary; i++) if (at(bytes, dictionaryAt + i) !== 0) refuse('a frame needs a dictionary')
  return { start: dictionaryAt + dictionary + content, hasChecksum: (flags & 4) !== 0 }
}

class FrameDecoder {
  readonly #out: Uint8Array
  #at = 0
  #huffman: HuffmanTable | undefined
  #tables: SequenceTables | undefined
  /** The last three distances: short codes mean one of them. */
  #recent: [number, number, number] = [1, 4, 8]

  constructor(plainLength: number) {
    this.#out = new Uint8Array(plainLength)
  }

  /** Decodes the block that `bytes` begin with and gives its stored length. */
  block(kind: number, size: number, bytes: Uint8Array): number {
    if (size > BLOCK_BYTES || kind === 3) refuse('a block is too large, or of an unknown kind')
    const stored = kind === 1 ? 1 : size
    if (stored > bytes.length) refuse('a block ends too early')
    if (kind === 0) this.#put(bytes, 0, size)
    else if (kind === 1) this.#out.fill(bytes[0] as number, this.#at, this.#grow(size))
    else this.#compressed(bytes.subarray(0, size))
    return stored
  }

  done(): Uint8Array {
    return this.#at === this.#out.length ? this.#out : refuse('a frame gives less than was compressed')
  }

  #compressed(block: Uint8Array): void {
    const { bytes, used, table } = readLiteralsSection(block, this.#huffman, BLOCK_BYTES)
    this.#huffman = table
    let taken = 0
    this.#tables = readSequences(block.subarray(used), this.#tables, (count, length, offset) => {
      if (count > bytes.length - taken) refuse('a block has fewer literals')
      this.#put(bytes, taken, taken + count)
      taken += count
      this.#copy(this.#distance(offset, count === 0), length)
    })
    this.#put(bytes, taken, bytes.length)
  }

  /** Moves to behind `length` more bytes and gives that place. */
  #grow(length: number): number {
    this.#at += length
    return this.#at <= this.#out.length ? this.#at : refuse('a frame gives more than was compressed')
  }

  #put(bytes: Uint8Array, start: number, end: number): void {
    const out = this.#out
    const at = this.#at
    this.#grow(end - start)
    if (end - start > SHORT_COPY) out.set(bytes.subarray(start, end), at)
    else for (let i = start, to = at; i < end; i++, to++) out[to] = bytes[i] as number
  }

  #copy(distance: number, length: number): void {
    const out = this.#out
    const start = this.#at
    if (distance > start) refuse('a match begins before the frame')
    const end = this.#grow(length)
    if (distance >= length && length > SHORT_COPY) out.copyWithin(start, start - distance, end - distance)
    else for (let to = start; to < end; to++) out[to] = out[to - distance] as number
  }

  /** Without literals before it a code means one further back: the last one would only have made the last match longer. */
  #distance(offset: number, isBare: boolean): number {
    const [first, second, third] = this.#recent
    if (offset > 3) {
      this.#recent = [offset - 3, first, second]
      return offset - 3
    }
    const which = isBare ? offset : offset - 1
    if (which === 0) return first
    const distance = which === 1 ? second : which === 2 ? third : first - 1
    if (distance === 0) refuse('a match has no distance')
    this.#recent = which === 1 ? [second, first, third] : [distance, first, second]
    return distance
  }
}
