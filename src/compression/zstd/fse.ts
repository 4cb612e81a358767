// Finite state entropy, RFC 8878 section 4.1: a state gives a symbol, and with the next bits the state that follows.

import { type BackwardBits, ForwardBits, highBit, refuse } from './bits.js'

export interface FseTable {
  readonly log: number
  readonly symbols: Uint8Array
  readonly bits: Uint8Array
  readonly next: Uint16Array
}

/** A table with one symbol, which costs no bits. */
export function constantTable(symbol: number): FseTable {
  return { log: 0, symbols: Uint8Array.of(symbol), bits: new Uint8Array(1), next: new Uint16Array(1) }
}

export function nextState(table: FseTable, state: number, from: BackwardBits): number {
  return (table.next[state] as number) + from.read(table.bits[state] as number)
}

/** The table that `bytes` begin with, and how many of them describe it. */
export function readTable(bytes: Uint8Array, maxLog: number, maxSymbol: number): { table: FseTable; used: number } {
  const from = new ForwardBits(bytes)
  const log = from.read(4) + 5
  if (log > maxLog) refuse('a table is too large')
  const shares: number[] = []
  for (let left = 1 << log; left > 0; ) {
    const share = readShare(from, left)
    shares.push(share)
    left -= Math.abs(share)
    if (left < 0) refuse('a table has more than its size')
    if (share === 0) readZeros(from, shares)
    if (shares.length > maxSymbol + 1) refuse('a table has an unknown symbol')
  }
  return { table: tableOf(shares, log), used: from.end() }
}

/** How many states the next symbol has: numbers that cannot be are left out, so that small ones take a bit less. */
function readShare(from: ForwardBits, left: number): number {
  const bits = highBit(left + 1) + 1
  const value = from.read(bits)
  const low = value & ((1 << (bits - 1)) - 1)
  const spare = (1 << bits) - 2 - left
  if (low < spare) {
    from.back(1)
    return low - 1
  }
  return value === low ? value - 1 : value - spare - 1
}

function readZeros(from: ForwardBits, shares: number[]): void {
  for (let more = 3; more === 3; ) {
    more = from.read(2)
    for (let i = 0; i < more; i++) shares.push(0)
    if (shares.length > 256) refuse('a table has an unknown symbol')
  }
}

/** -1 is one state that takes all bits anew. */
export function tableOf(shares: readonly number[], log: number): FseTable {
  const size = 1 << log
  const symbols = new Uint8Array(size)
  const counts = Uint16Array.from(shares, Math.abs)
  spread(shares, symbols)
  const bits = new Uint8Array(size)
  const next = new Uint16Array(size)
  for (let state = 0; state < size; state++) {
    const symbol = symbols[state] as number
    const count = counts[symbol] as number
    counts[symbol] = count + 1
    bits[state] = log - highBit(count)
    next[state] = (count << (bits[state] as number)) - size
  }
  return { log, symbols, bits, next }
}

function spread(shares: readonly number[], symbols: Uint8Array): void {
  const size = symbols.length
  let rare = size
  for (const [symbol, share] of shares.entries()) if (share < 0) symbols[--rare] = symbol
  const step = (size >>> 1) + (size >>> 3) + 3
  let at = 0
  for (const [symbol, share] of shares.entries()) {
    for (let i = 0; i < share; i++) {
      symbols[at] = symbol
      do at = (at + step) & (size - 1)
      while (at >= rare)
    }
  }
  if (at !== 0) refuse('a table does not fill its size')
}
