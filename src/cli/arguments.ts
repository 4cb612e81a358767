// What the verbs take, as text, and what it means.

import { InvalidArgumentError } from 'commander'
import type { Position } from '../core/features/queue/types.js'

/** For commander: a whole number of at least `least`. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`It is a whole number of at least ${least}.`)
    }
    return value
  }
}

/** `earliest`, `latest`, an offset, `last:n`, or a time such as 2026-11-21T06:00:00Z. */
export function position(text: string): Position {
  if (text === 'earliest' || text === 'latest') return text
  if (/^\d+$/.test(text)) return wholeNumber(0)(text)
  const last = /^last:(\d+)$/.exec(text)?.[1]
  if (last !== undefined) return { last: wholeNumber(0)(last) }
  const time = Date.parse(text)
  if (Number.isNaN(time)) throw new InvalidArgumentError('It is earliest, latest, an offset, last:<n>, or a time in ISO 8601.')
  return { time }
}
