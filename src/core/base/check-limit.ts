// How many somebody wants at most: one rule wherever that is asked.

import { StorageError } from './errors.js'

export interface LimitRule {
  readonly operation: string
  /** Default 0: none. */
  readonly least?: number
  /** Where there is none, Infinity stands for all. */
  readonly most?: number
  /** As users call it; default `limit`. */
  readonly name?: string
}

/** Gives it back; `invalid` for what is no whole number from `least` to `most`, as text and NaN are not. */
export function checkLimit(limit: number, { operation, least = 0, most = Number.POSITIVE_INFINITY, name = 'limit' }: LimitRule): number {
  if ((Number.isInteger(limit) || limit === Number.POSITIVE_INFINITY) && limit >= least && limit <= most) return limit
  throw new StorageError('invalid', `${name} is a whole number from ${least} to ${most}`, { operation, facts: { [name]: limit } })
}
