// Which snapshots of one branch a policy keeps, and why: a function of the list alone.

import { StorageError } from '../../base/errors.js'
import type { PrunePolicy } from './retention-types.js'

/** What a policy looks at. */
export interface Candidate {
  /** What the clock said. */
  readonly timestamp: number
  readonly tags: readonly string[]
  readonly pinned?: true
}

export interface Judged<Item extends Candidate> {
  readonly item: Item
  /** None: it goes. */
  readonly reasons: readonly string[]
}

const DAY_MS = 86_400_000
const COUNTS = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const
const PERIODS: readonly (readonly [rule: Exclude<(typeof COUNTS)[number], 'last'>, name: (time: number) => string])[] = [
  ['hourly', (time) => iso(time, 13)],
  ['daily', (time) => iso(time, 10)],
  ['weekly', week],
  ['monthly', (time) => iso(time, 7)],
  ['yearly', (time) => iso(time, 4)],
]

/** `invalid` where it names no rule, or a rule is not a number that can be meant. */
export function checkPolicy(policy: PrunePolicy): void {
  const refuse = (message: string, facts: Record<string, unknown> = {}): never => {
    throw new StorageError('invalid', message, { operation: 'prune', facts })
  }
  if (typeof policy !== 'object' || policy === null) refuse('a policy is an object of rules')
  for (const rule of COUNTS) {
    const value = policy[rule]
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 0)) refuse(`${rule} is a whole number`, { [rule]: value })
  }
  const { withinMs, tags } = policy
  if (withinMs !== undefined && !(withinMs >= 0)) refuse('withinMs is 0 or more', { withinMs })
  if (tags !== undefined && !Array.isArray(tags)) refuse('tags is a list of strings', { type: typeof tags })
  if (withinMs === undefined && tags === undefined && COUNTS.every((rule) => policy[rule] === undefined)) {
    refuse('a policy has at least one rule: it says what is kept')
  }
}

/** Newest first in, newest first out; where all would go the newest stays. */
export function judge<Item extends Candidate>(newestFirst: readonly Item[], policy: PrunePolicy, now: number): Judged<Item>[] {
  const judged = newestFirst.map((item) => ({ item, reasons: ownReasons(item, policy, now) }))
  const past = judged.filter(({ item }) => item.timestamp <= now)
  for (const { reasons } of past.slice(0, policy.last ?? 0)) reasons.push('last')
  for (const [rule, nameOf] of PERIODS) keepPeriods(past, policy[rule] ?? 0, (time) => `${rule} ${nameOf(time)}`)
  if (judged.every(({ reasons }) => reasons.length === 0)) judged[0]?.reasons.push('only one left')
  return judged
}

function ownReasons({ timestamp, tags, pinned }: Candidate, { withinMs, tags: kept = [] }: PrunePolicy, now: number): string[] {
  const reasons: string[] = []
  if (pinned) reasons.push('pinned')
  if (timestamp > now) reasons.push('future')
  else if (withinMs !== undefined && timestamp >= now - withinMs) reasons.push('within')
  for (const tag of kept) if (tags.includes(tag)) reasons.push(`tag ${tag}`)
  return reasons
}

/** The newest of each of the last `count` periods in which there is one. */
function keepPeriods(
  newestFirst: readonly { item: Candidate; reasons: string[] }[],
  count: number,
  nameOf: (time: number) => string,
): void {
  const seen = new Set<string>()
  for (const { item, reasons } of newestFirst) {
    const name = nameOf(item.timestamp)
    if (seen.has(name)) continue
    if (seen.size === count) return
    seen.add(name)
    reasons.push(name)
  }
}

function iso(time: number, length: number): string {
  return new Date(time).toISOString().slice(0, length)
}

/** ISO 8601: the week belongs to the year that its Thursday is in. */
function week(time: number): string {
  const weekday = (Math.floor(time / DAY_MS) + 3) % 7
  const thursday = new Date(time + (3 - weekday) * DAY_MS)
  const year = thursday.getUTCFullYear()
  const days = Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / DAY_MS)
  return `${year}-W${String(Math.floor(days / 7) + 1).padStart(2, '0')}`
}
