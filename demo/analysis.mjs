// The small analysis that the demo's consumer keeps: for each key the number of records, the sum of one field, and a check
// sum over all of its records, so that a lost, doubled or changed record shows.

import { crc32 } from 'node:zlib'

/** Sums of check sums stay whole numbers. */
const CHECK_MODULUS = 2 ** 48
/** Keys for records that have none of their own. */
const PARTS = 64

export class Analysis {
  #keys = new Map()
  #sumField

  /** `state` is what `state()` gave. */
  constructor(sumField, state = []) {
    this.#sumField = sumField
    for (const [key, count, sum, check] of state) this.#keys.set(key, { count, sum, check })
  }

  add(key, value) {
    const entry = this.#keys.get(key) ?? { count: 0, sum: 0, check: 0 }
    entry.count++
    entry.sum += amountOf(value, this.#sumField)
    entry.check = (entry.check + crc32(JSON.stringify(value))) % CHECK_MODULUS
    this.#keys.set(key, entry)
  }

  get keys() {
    return this.#keys.size
  }

  /** Of one key, or of all. */
  count(key) {
    if (key !== undefined) return this.#keys.get(key)?.count ?? 0
    let total = 0
    for (const { count } of this.#keys.values()) total += count
    return total
  }

  /** The keys with most records. */
  largest(n) {
    const all = [...this.#keys].map(([key, { count }]) => ({ key, count }))
    return all.sort((a, b) => b.count - a.count).slice(0, n)
  }

  /** Rows of [key, count, sum, check], sorted by key. */
  state() {
    const rows = [...this.#keys].map(([key, { count, sum, check }]) => [key, count, sum, check])
    return rows.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  }
}

/** The key of an input record: its field, or where it has none, one of 64 parts that its content decides. */
export function keyOf(value, field) {
  const key = fieldOf(value, field)
  if ((typeof key === 'string' && key !== '' && key.length <= 200) || typeof key === 'number') return String(key)
  return `part-${crc32(JSON.stringify(value)) % PARTS}`
}

/** What differs between two analyses, a line each; none when they are equal. */
export function differences(expected, actual) {
  const found = new Map(actual.state().map((row) => [row[0], row]))
  const lines = []
  for (const row of expected.state()) {
    const other = found.get(row[0])
    found.delete(row[0])
    if (JSON.stringify(other) !== JSON.stringify(row)) lines.push(`key ${row[0]}: expected ${describe(row)}, found ${describe(other)}`)
  }
  for (const row of found.values()) lines.push(`key ${row[0]}: expected nothing, found ${describe(row)}`)
  return lines
}

function describe(row) {
  return row === undefined ? 'nothing' : `${row[1]} records, sum ${row[2]}, check ${row[3]}`
}

function amountOf(value, field) {
  const amount = Number(fieldOf(value, field) ?? 0)
  return Math.abs(amount) < 1e15 ? amount : 0
}

function fieldOf(value, field) {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, field) ? value[field] : undefined
}
