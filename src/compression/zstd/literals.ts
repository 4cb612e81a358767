// The first part of a compressed block: the bytes that sequences take from. RFC 8878 section 3.1.1.3.1.

import { refuse } from './bits.js'
import { type HuffmanTable, readHuffman, readLiterals } from './huffman.js'

export interface Literals {
  readonly bytes: Uint8Array
  /** Bytes of the block that held them. */
  readonly used: number
  /** What the next block may use again. */
  readonly table: HuffmanTable | undefined
}

const RAW = 0
const REPEATED = 1
const WITH_TABLE = 2
const JUMPS = 6

/** `table` is that of an earlier block, `most` the length that none may exceed. */
export function readLiteralsSection(block: Uint8Array, table: HuffmanTable | undefined, most: number): Literals {
  const kind = at(block, 0) & 3
  const format = (at(block, 0) >>> 2) & 3
  if (kind === RAW || kind === REPEATED) return readPlain(block, { kind, format, table, most })
  const head = format === 3 ? 5 : format === 2 ? 4 : 3
  const sizeBits = format === 3 ? 18 : format === 2 ? 14 : 10
  const sizes = Math.floor(littleEndian(block, head) / 16)
  const length = sizes % 2 ** sizeBits
  const used = head + Math.floor(sizes / 2 ** sizeBits)
  if (length > most || used > block.length) refuse('literals are longer than a block')
  const packed = block.subarray(head, used)
  const own = kind === WITH_TABLE ? readHuffman(packed) : { table: table ?? refuse('literals without a table'), used: 0 }
  const bytes = new Uint8Array(length)
  if (format === 0) readLiterals(packed.subarray(own.used), own.table, bytes)
  else readFour(packed.subarray(own.used), own.table, bytes)
  return { bytes, used, table: own.table }
}

interface Plain {
  readonly kind: number
  readonly format: number
  readonly table: HuffmanTable | undefined
  readonly most: number
}

function readPlain(block: Uint8Array, { kind, format, table, most }: Plain): Literals {
  const head = format === 3 ? 3 : format === 1 ? 2 : 1
  const length = littleEndian(block, head) >>> (head === 1 ? 3 : 4)
  if (length > most) refuse('literals are longer than a block')
  if (kind === REPEATED) return { bytes: new Uint8Array(length).fill(at(block, head)), used: head + 1, table }
  if (head + length > block.length) refuse('literals end too early')
  return { bytes: block.subarray(head, head + length), used: head + length, table }
}

/** Four streams, of which the first three have a length each in front. */
function readFour(bytes: Uint8Array, table: HuffmanTable, into: Uint8Array): void {
  const step = (into.length + 3) >>> 2
  if (bytes.length < JUMPS || 3 * step > into.length) refuse('four streams are too short')
  let from = JUMPS
  for (let stream = 0; stream < 4; stream++) {
    const end = stream === 3 ? bytes.length : from + (at(bytes, 2 * stream) | (at(bytes, 2 * stream + 1) << 8))
    if (end > bytes.length) refuse('literals end too early')
    readLiterals(bytes.subarray(from, end), table, into.subarray(stream * step, stream === 3 ? into.length : (stream + 1) * step))
    from = end
  }
}

export function at(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? refuse('a block ends too early')
}

function littleEndian(bytes: Uint8Array, length: number): number {
  let value = 0
  for (let i = length - 1; i >= 0; i--) value = value * 256 + at(bytes, i)
  return value
}
