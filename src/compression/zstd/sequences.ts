// The second part of a compressed block: how many literals, then how much of what came before, and from where. RFC 8878
// section 3.1.1.3.2.

import { BackwardBits, refuse } from './bits.js'
import { constantTable, type FseTable, nextState, readTable, tableOf } from './fse.js'
import { at } from './literals.js'

/** Codes give a base and take further bits. */
interface Codes {
  readonly bases: readonly number[]
  readonly extra: readonly number[]
  readonly maxLog: number
  readonly usual: FseTable
}

function codesOf(first: number, extra: readonly number[], maxLog: number, shares: readonly number[]): Codes {
  const bases: number[] = []
  let base = first
  for (const bits of extra) {
    bases.push(base)
    base += 2 ** bits
  }
  return { bases, extra, maxLog, usual: tableOf(shares, shares.length < 32 ? 5 : 6) }
}

const times = (count: number, value: number): number[] => new Array<number>(count).fill(value)

const LITERALS = codesOf(0, [...times(16, 0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16], 9, [
  4,
  3,
  ...times(11, 2),
  1,
  1,
  1,
  ...times(9, 2),
  3,
  2,
  ...times(5, 1),
  ...times(4, -1),
])
const MATCHES = codesOf(3, [...times(32, 0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16], 9, [
  1,
  4,
  3,
  ...times(6, 2),
  ...times(37, 1),
  ...times(7, -1),
])
const OFFSETS = codesOf(
  1,
  Array.from({ length: 32 }, (_, code) => code),
  8,
  [...times(6, 1), 2, 2, 2, ...times(15, 1), ...times(5, -1)],
)

/** Of the sequences of a block; the next one may use them again. */
export interface SequenceTables {
  readonly literals: FseTable
  readonly offsets: FseTable
  readonly matches: FseTable
}

/** Gets each sequence: literals to take, and how long the match is and its offset as it stands. */
export type OnSequence = (literals: number, match: number, offset: number) => void

/** Reads the rest of a block. */
export function readSequences(bytes: Uint8Array, before: SequenceTables | undefined, onSequence: OnSequence): SequenceTables | undefined {
  const { count, used } = readCount(bytes)
  if (count === 0) return used === bytes.length ? before : refuse('a block has more than its literals')
  const modes = at(bytes, used)
  if ((modes & 3) !== 0) refuse('a block has an unknown mode')
  let rest = bytes.subarray(used + 1)
  const table = (codes: Codes, mode: number, last: FseTable | undefined): FseTable => {
    if (mode === 0) return codes.usual
    if (mode === 3) return last ?? refuse('a block repeats no table')
    const read = mode === 1 ? { table: constantTable(at(rest, 0)), used: 1 } : readTable(rest, codes.maxLog, codes.bases.length - 1)
    if (mode === 1 && at(rest, 0) >= codes.bases.length) refuse('a table has an unknown symbol')
    rest = rest.subarray(read.used)
    return read.table
  }
  const literals = table(LITERALS, modes >>> 6, before?.literals)
  const offsets = table(OFFSETS, (modes >>> 4) & 3, before?.offsets)
  const matches = table(MATCHES, (modes >>> 2) & 3, before?.matches)
  const tables = { literals, offsets, matches }
  readAll(new BackwardBits(rest), tables, { count, onSequence })
  return tables
}

function readCount(bytes: Uint8Array): { count: number; used: number } {
  const first = at(bytes, 0)
  if (first < 128) return { count: first, used: 1 }
  if (first < 255) return { count: ((first - 128) << 8) + at(bytes, 1), used: 2 }
  return { count: at(bytes, 1) + (at(bytes, 2) << 8) + 0x7f00, used: 3 }
}

function readAll(from: BackwardBits, tables: SequenceTables, { count, onSequence }: { count: number; onSequence: OnSequence }): void {
  const { literals, offsets, matches } = tables
  let literal = from.read(literals.log)
  let offset = from.read(offsets.log)
  let match = from.read(matches.log)
  for (let left = count; ; ) {
    const distance = readValue(OFFSETS, offsets.symbols[offset] as number, from)
    const length = readValue(MATCHES, matches.symbols[match] as number, from)
    onSequence(readValue(LITERALS, literals.symbols[literal] as number, from), length, distance)
    if (--left === 0) break
    literal = nextState(literals, literal, from)
    match = nextState(matches, match, from)
    offset = nextState(offsets, offset, from)
    if (from.left < 0) refuse('sequences end too early')
  }
  if (from.left !== 0) refuse('sequences end at another place')
}

function readValue({ bases, extra }: Codes, code: number, from: BackwardBits): number {
  return (bases[code] as number) + from.read(extra[code] as number)
}
