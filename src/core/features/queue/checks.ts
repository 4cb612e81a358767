import { checkLimit } from '../../base/check-limit.js'
import { StorageError } from '../../base/errors.js'
import { checkName } from '../../base/key.js'
import type { DedupeWindow, RetentionPolicy } from '../../ports/stream-broker.js'

const MAX_LIMIT = 10_000
const MAX_WAIT_MS = 60_000

/** Of records that are read or handed out at once. */
export function checkReadLimit(limit: number, operation: string, name = 'limit'): number {
  return checkLimit(limit, { operation, least: 1, most: MAX_LIMIT, name })
}

export function checkWaitMs(waitMs: number, operation: string): number {
  if (waitMs >= 0 && waitMs <= MAX_WAIT_MS) return waitMs
  throw new StorageError('invalid', `waitMs is a number from 0 to ${MAX_WAIT_MS}`, { operation, facts: { waitMs } })
}

const MAX_DELAY_MS = 2 ** 52
const MAX_IDS = 100_000

export function checkDelayMs(delayMs: number): number {
  if (delayMs >= 0 && delayMs <= MAX_DELAY_MS) return delayMs
  throw new StorageError('invalid', 'delayMs is a number, 0 or more', { operation: 'append', facts: { delayMs } })
}

export function checkDedupe({ ms, ids }: DedupeWindow): void {
  if (ms > 0 && Number.isInteger(ids) && ids >= 1 && ids <= MAX_IDS) return
  throw new StorageError('invalid', `dedupe has ms above 0, and ids from 1 to ${MAX_IDS}`, { operation: 'openQueue', facts: { ms, ids } })
}

/** Retention and compaction options are numbers above zero, and what groups hold back has a limit. */
export function checkRetention(options: { retention?: RetentionPolicy; compaction?: unknown; tombstoneMs?: number }): void {
  const { retention = {}, compaction, tombstoneMs } = options
  const { ageMs, records, bytes, untilAcked } = retention
  checkPositive({ ageMs, records, bytes, tombstoneMs })
  if (compaction !== undefined && compaction !== 'key') {
    throw new StorageError('invalid', "compaction is 'key' or left out", { operation: 'openQueue', facts: { compaction } })
  }
  if (untilAcked === undefined) return
  const { groups, atMost } = untilAcked
  for (const group of groups ?? []) checkName('group name', group)
  if (!Array.isArray(groups) || groups.length === 0 || (atMost?.ageMs === undefined && atMost?.bytes === undefined)) {
    throw new StorageError('invalid', 'untilAcked names its groups, and atMost says how long or how much they may hold back', {
      operation: 'openQueue',
      facts: { groups, atMost },
    })
  }
  checkPositive({ ageMs: atMost.ageMs, bytes: atMost.bytes })
}

function checkPositive(numbers: Readonly<Record<string, number | undefined>>): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (value === undefined || value > 0) continue
    throw new StorageError('invalid', `${name} is a number above 0`, { operation: 'openQueue', facts: { [name]: value } })
  }
}
