// What Varve itself says in headers of a record, so that it is the same in every kind of log, and in every copy of one.

import { StorageError } from './errors.js'
import { hasLoneSurrogate } from './key.js'

/** Users' own headers do not begin like this. */
export const OWN_PREFIX = 'varve-'

/** Names of headers that Varve itself keeps with a record. */
export const OWN_HEADER = {
  /** Of a record that lay whole in a torn tail and was appended again: where it had been. */
  salvaged: 'varve-salvaged-offset',
  /** Of the dedupe window. */
  id: 'varve-id',
  /** On the first record of a producer's batch: `<epoch>/<sequence>/<producer id>`. */
  producer: 'varve-producer',
  /** Milliseconds since 1970, decimal: no group delivers the record before. */
  due: 'varve-due',
  /** What is known of a dead letter begins so: `varve-dead-reason` and others. */
  dead: 'varve-dead-',
} as const

/** One producer's batch, as its header says it. */
export interface SaidProducer {
  readonly id: string
  readonly epoch: number
  readonly sequence: number
}

export function producerHeader({ id, epoch, sequence }: SaidProducer): string {
  return `${epoch}/${sequence}/${id}`
}

/** undefined for text that no producer's batch was marked with. */
export function parseProducer(text: string): SaidProducer | undefined {
  const [, epoch, sequence, id] = /^(\d+)\/(\d+)\/(.+)$/s.exec(text) ?? []
  return id === undefined ? undefined : { id, epoch: Number(epoch), sequence: Number(sequence) }
}

/** Why no stream takes these ids, or this batch of a producer; undefined where there is nothing wrong. */
export function saidWrongly(records: readonly { readonly id?: string }[], producer: SaidProducer | undefined): StorageError | undefined {
  let hasIds = false
  for (const { id } of records) {
    if (id === undefined) continue
    if (!isId(id)) return invalid(`an id is ${AN_ID}`, { id })
    hasIds = true
  }
  if (producer === undefined) return undefined
  const { id, epoch, sequence } = producer
  if (hasIds) return invalid('a batch of a producer takes no ids: its number says that it is stored once', { producer: id })
  if (!isId(id)) return invalid(`a producer's id is ${AN_ID}`, { producer: id })
  return isCount(epoch) && isCount(sequence)
    ? undefined
    : invalid('epoch and sequence of a producer are whole numbers, 0 or more', { epoch, sequence })
}

const MAX_ID_LENGTH = 1_024
const AN_ID = `text of 1 to ${MAX_ID_LENGTH} units without lone surrogates`

function isId(id: unknown): boolean {
  return typeof id === 'string' && id.length >= 1 && id.length <= MAX_ID_LENGTH && !hasLoneSurrogate(id)
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function invalid(message: string, facts: Record<string, unknown>): StorageError {
  return new StorageError('invalid', message, { operation: 'append', facts })
}
