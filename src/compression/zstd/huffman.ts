// Literals by Huffman codes, RFC 8878 section 4.2.

import { BackwardBits, highBit, refuse } from './bits.js'
import { type FseTable, nextState, readTable } from './fse.js'

export interface HuffmanTable {
  readonly log: number
  readonly symbols: Uint8Array
  readonly bits: Uint8Array
}

const MAX_LOG = 11
const MAX_WEIGHTS = 255
const DIRECT = 127

/** The table that `bytes` begin with, and how many of them describe it. */
export function readHuffman(bytes: Uint8Array): { table: HuffmanTable; used: number } {
  const head = bytes[0] ?? refuse('a table ends too early')
  const count = head - DIRECT
  const used = 1 + (head > DIRECT ? (count + 1) >>> 1 : head)
  if (used > bytes.length) refuse('a table ends too early')
  const described = bytes.subarray(1, used)
  const weights = head > DIRECT ? Array.from({ length: count }, (_, i) => nibble(described, i)) : readWeights(described)
  return { table: tableOf(weights), used }
}

function nibble(bytes: Uint8Array, index: number): number {
  const byte = bytes[index >>> 1] as number
  return index % 2 === 0 ? byte >>> 4 : byte & 15
}

/** Two states take turns until the bits are used up; the other one's last symbol ends it. */
function readWeights(bytes: Uint8Array): number[] {
  const { table, used } = readTable(bytes, 6, MAX_LOG + 1)
  const from = new BackwardBits(bytes.subarray(used))
  let [now, other] = [from.read(table.log), from.read(table.log)]
  const weights: number[] = []
  for (;;) {
    weights.push(symbolOf(table, now))
    ;[now, other] = [other, nextState(table, now, from)]
    if (from.left < 0) return [...weights, symbolOf(table, now)]
    if (weights.length >= MAX_WEIGHTS) refuse('a table has too many symbols')
  }
}

const symbolOf = (table: FseTable, state: number): number => table.symbols[state] as number

/** The last symbol's weight is not stored: it fills the sum up to a power of two. */
function tableOf(given: readonly number[]): HuffmanTable {
  let sum = 0
  for (const weight of given) {
    if (weight > MAX_LOG) refuse('a code is too long')
    sum += weight === 0 ? 0 : 1 << (weight - 1)
  }
  if (sum === 0 || given.length > MAX_WEIGHTS) refuse('a table has no symbols, or too many')
  const log = highBit(sum) + 1
  const rest = (1 << log) - sum
  if (log > MAX_LOG || (rest & (rest - 1)) !== 0) refuse('codes do not fill a table')
  return fill([...given, highBit(rest) + 1], log)
}

/** Longest codes first; among equals the lower symbol. */
function fill(weights: readonly number[], log: number): HuffmanTable {
  const symbols = new Uint8Array(1 << log)
  const bits = new Uint8Array(1 << log)
  let at = 0
  for (let weight = 1; weight <= log; weight++) {
    for (const [symbol, own] of weights.entries()) {
      if (own !== weight) continue
      const end = at + (1 << (weight - 1))
      symbols.fill(symbol, at, end)
      bits.fill(log + 1 - weight, at, end)
      at = end
    }
  }
  return { log, symbols, bits }
}

/** Exactly as many symbols as `into` has room for, out of all the bits. */
export function readLiterals(bytes: Uint8Array, { log, symbols, bits }: HuffmanTable, into: Uint8Array): void {
  const from = new BackwardBits(bytes)
  for (let at = 0; at < into.length; at++) {
    const code = from.peek(log)
    into[at] = symbols[code] as number
    from.left -= bits[code] as number
  }
  if (from.left !== 0) refuse('literals end at another place')
}
