// Positions as users give them, as offsets of one bucket.

import { StorageError } from '../../base/errors.js'
import type { ReadOptions, RecordStream } from '../../ports/stream-broker.js'
import type { Position } from './types.js'

/** What the stream's `read` takes: `last` and the words need its bounds, a time is left to the log. */
export async function readFrom(stream: RecordStream, position: Position): Promise<ReadOptions['from']> {
  if (typeof position === 'object' && 'time' in position) return { time: checkNumber(Number(position.time), position) }
  return offsetOf(stream, position)
}

/** The offset of a position; `invalid` for what is none. */
export async function offsetOf(stream: RecordStream, position: Position): Promise<number> {
  if (typeof position === 'number') return checkNumber(position, position)
  const { first, next } = await stream.bounds()
  if (position === 'earliest') return first
  if (position === 'latest') return next
  if (typeof position === 'object' && 'last' in position) return Math.max(first, next - checkNumber(position.last, position))
  if (typeof position === 'object' && 'time' in position) {
    const [record] = await stream.read({ from: { time: checkNumber(Number(position.time), position) }, limit: 1 })
    return record?.offset ?? next
  }
  throw notAPosition(position)
}

/** The offset of a position, `invalid` past the end, with the maximum: what is yet to come would be passed by. */
export async function offsetWithin(
  stream: RecordStream,
  position: Position,
  { operation, ...facts }: { readonly operation: string; readonly queue: string; readonly bucket: number },
): Promise<number> {
  const offset = await offsetOf(stream, position)
  if (typeof position !== 'number') return offset
  const { next } = await stream.bounds()
  if (offset <= next) return offset
  throw new StorageError('invalid', 'the offset lies past the end of the bucket', { operation, facts: { ...facts, offset, maximum: next } })
}

function checkNumber(value: number, position: Position): number {
  if (Number.isInteger(value) && value >= 0) return value
  throw notAPosition(position)
}

function notAPosition(position: unknown): StorageError {
  return new StorageError('invalid', "a position is an offset, 'earliest', 'latest', { time } or { last }", { facts: { position } })
}
