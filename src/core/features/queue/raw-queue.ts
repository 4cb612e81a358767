// Below the values of a queue that is open, for what moves records on as they are: dead letters, and putting them back.

import { StorageError } from '../../base/errors.js'
import type { StoreContext } from '../../derived/store-context.js'
import type { AppendResult, RawRecord, RecordStream, StreamFormat, StreamRecord } from '../../ports/stream-broker.js'
import type { AnyQueue } from './group-types.js'
import type { StoredRecord } from './record-types.js'

export interface QueuePlace {
  readonly name: string
  /** Of this queue alone: another one of the same name, made later, has another. */
  readonly incarnation: string
  readonly format: StreamFormat | undefined
  /** Another queue of the same store. */
  readonly openBeside: (name: string, options: { readonly create?: boolean; readonly format?: StreamFormat }) => Promise<AnyQueue>
}

export interface RawQueue extends QueuePlace {
  readonly context: StoreContext
  /** One a bucket. */
  readonly streams: readonly RecordStream[]
  append(bucket: number, record: RawRecord): Promise<AppendResult>
  decode(bucket: number, records: readonly StreamRecord[]): Promise<readonly StoredRecord<unknown>[]>
}

/**
 * What no other record has: by it a receiver, or the window of another queue, tells a repetition. With the time, because after a
 * power failure another record may stand where one was lost that had been passed on.
 */
export function recordId(
  { incarnation }: Pick<QueuePlace, 'incarnation'>,
  bucket: number,
  { offset, timestamp }: Pick<StoredRecord<unknown>, 'offset' | 'timestamp'>,
): string {
  return `${incarnation}/${bucket}/${offset}/${timestamp}`
}

const rawQueues = new WeakMap<object, RawQueue>()

export function keepRaw(queue: object, raw: RawQueue): void {
  rawQueues.set(queue, raw)
}

/** `invalid` for what `openQueue` did not open. */
export function rawOf(queue: AnyQueue): RawQueue {
  const raw = typeof queue === 'object' && queue !== null ? rawQueues.get(queue) : undefined
  if (raw !== undefined) return raw
  throw new StorageError('invalid', 'expected a queue from openQueue()', { facts: { got: typeof queue } })
}
