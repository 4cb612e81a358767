// What the verbs take, as text, and what it means.

import { InvalidArgumentError } from 'commander'
import type { Json } from '../core/codec/codec.js'
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

/** A time in ISO 8601, as milliseconds since 1970. */
export function time(text: string): number {
  const ms = Date.parse(text)
  if (Number.isNaN(ms) || /^\d{5,}$/.test(text))
    throw new InvalidArgumentError('It is a time in ISO 8601: 2026-11-21, or 2026-11-21T06:00:00Z.')
  return ms
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** `30d`, `12h`, `90min`: in milliseconds. */
export function duration(text: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([a-z]+)$/.exec(text) ?? []
  const unitMs = UNIT_MS[unit]
  if (unitMs === undefined) throw new InvalidArgumentError('It is a number and a unit: 30d (also ms, s, min, h, w).')
  return Math.round(Number(number) * unitMs)
}

const UNIT_BYTES: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
}

/** `100MB`, `64KiB`, or a number of bytes. */
export function byteCount(text: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text) ?? []
  const unitBytes = UNIT_BYTES[unit.toLowerCase()]
  const bytes = Math.round(Number(number) * (unitBytes ?? 0))
  if (number === '' || unitBytes === undefined || bytes < 1) {
    throw new InvalidArgumentError('It is a number of bytes, or a number and a unit: 100MB (also kB, GB, KiB, MiB, GiB).')
  }
  return bytes
}

/** For commander: an option that may be given several times; they come as a list. */
export function each(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}

/** What a JSON text says. */
export function jsonText(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch (error) {
    throw new InvalidArgumentError(`It is not JSON: ${(error as Error).message}`)
  }
}
