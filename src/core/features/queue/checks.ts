import { StorageError } from '../../base/errors.js'

const MAX_LIMIT = 10_000
const MAX_WAIT_MS = 60_000

export function checkLimit(limit: number, operation: string): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit
  throw new StorageError('invalid', `limit is a whole number from 1 to ${MAX_LIMIT}`, { operation, facts: { limit } })
}

export function checkWaitMs(waitMs: number, operation: string): number {
  if (waitMs >= 0 && waitMs <= MAX_WAIT_MS) return waitMs
  throw new StorageError('invalid', `waitMs is a number from 0 to ${MAX_WAIT_MS}`, { operation, facts: { waitMs } })
}
