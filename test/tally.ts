// What a run of a reliability test did: said aloud, and, where VARVE_TALLY names a file, appended to it as one line of JSON,
// so that a report can be made from many runs.

import { appendFileSync } from 'node:fs'

export interface RowTally {
  /** A row of the reliability table; a part of the row follows after a colon. */
  readonly row: string
  /** How many cases: distinct states, scenarios, kills, flips. */
  readonly ran: number
  /** Of damages: how many were noticed. */
  readonly found?: number
  /** The same seed runs the same cases. */
  readonly seed?: number
  readonly ms: number
}

/** How many times the cases of an ordinary run: `npm run torture` sets it. */
export const SCALE = Number(process.env.VARVE_TORTURE ?? 1)

/** Where drawn cases begin. */
export const SEED = Number(process.env.VARVE_SEED ?? 1)

/** The numbers of the drawn cases of a row: all below `count`, or the one that VARVE_CASE names, to look at it again. */
export function* drawnCases(count: number): Generator<number> {
  const only = process.env.VARVE_CASE
  if (only !== undefined && only !== '') yield Number(only)
  else for (let n = 0; n < count; n++) yield n
}

/** Of one case: the same one draws the same. */
export function seedOf(n: number): number {
  return SEED * 1_000_000 + n
}

/** How to see that case again. */
export function caseName(n: number): string {
  return `case ${n} of seed ${SEED} (npm run torture -- --only … --seed ${SEED} --case ${n})`
}

/** To be called once a row, when all its cases went well. */
export function tally(entry: RowTally): void {
  const parts = [`${entry.ran} cases`]
  if (entry.found !== undefined) parts.push(`${entry.found} found`)
  if (entry.seed !== undefined) parts.push(`seed ${entry.seed}`)
  console.log(`${entry.row}: ${parts.join(', ')} in ${Math.round(entry.ms)} ms`)
  const file = process.env.VARVE_TALLY
  if (file !== undefined && file !== '') appendFileSync(file, `${JSON.stringify({ ...entry, ms: Math.round(entry.ms) })}\n`)
}
