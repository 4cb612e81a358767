// The three records of a system that runs for long: what happened (events), how it stood (audits), and what could not be
// delivered (dead letters). Three queues, each on a store of its own if wanted.

import { asyncDispose } from '../base/async-dispose.js'
import { StorageError } from '../base/errors.js'
import type { Store } from '../derived/store-context.js'
import { openQueue } from '../features/queue/open-queue.js'
import type { VersionedSchema } from '../features/queue/schema.js'
import type { Queue, QueueOptions } from '../features/queue/types.js'
import type { Backend } from '../ports/backend.js'
import type { Handle } from '../ports/options.js'
import { anything, count, type Fields, optionalText, optionalTime, recordSchema, requiredText, text, texts } from './record-schema.js'

/** Something happened to an actor: it started, crashed, said something. */
export interface EventRecord {
  /** Which system it was, where several write into one queue. */
  readonly systemId: string
  /** Empty where no actor is concerned. Events of one actor keep their order. */
  readonly actorAddress: string
  readonly eventType: string
  readonly payload: unknown
  /** Milliseconds since 1970; absent: when it was stored, which is the record's `timestamp`. */
  readonly occurredAt?: number
}

/** A count of a system's actors and of the names that lead to them. */
export interface AuditRecord {
  readonly systemId: string
  readonly totalActors: number
  readonly aliveActors: number
  readonly stoppingActors: number
  readonly restartingActors: number
  readonly registrySize: number
  /** Names that lead to nobody. */
  readonly registryOrphans: readonly string[]
  /** Names that lead to an actor that is not alive. */
  readonly registryDead: readonly string[]
  readonly deadLettersCount: number
  readonly occurredAt?: number
}

/** A message that reached nobody. */
export interface DeadLetterRecord {
  readonly systemId: string
  /** Whom it was for; absent where that cannot be said. */
  readonly target?: string
  readonly messageType: string
  readonly payload: unknown
  readonly reason?: string
  readonly occurredAt?: number
}

export type EventInput = Pick<EventRecord, 'eventType'> & Partial<EventRecord>
export type AuditInput = Partial<AuditRecord>
export type DeadLetterInput = Pick<DeadLetterRecord, 'messageType'> & Partial<DeadLetterRecord>

/** Options of one of the three queues. */
export interface RecordQueueOptions extends Omit<QueueOptions<unknown>, 'schema' | 'key' | 'compaction' | 'tombstoneMs'> {
  /** Where it is kept; default the store of all three. */
  readonly store?: Store | Backend
  /** Of the queue; default `events`, `audits`, `dead-letters`. */
  readonly name?: string
}

export interface EventRecordsOptions {
  /** Of records that do not say theirs; default `local`. */
  readonly systemId?: string
  readonly events?: RecordQueueOptions
  readonly audits?: RecordQueueOptions
  readonly deadLetters?: RecordQueueOptions
}

export interface EventRecords extends Handle {
  readonly events: Queue<EventRecord, EventInput>
  readonly audits: Queue<AuditRecord, AuditInput>
  readonly deadLetters: Queue<DeadLetterRecord, DeadLetterInput>
}

/**
 * Opens the queues for events, audits and dead letters, creating them unless `create: false`. What is appended has to have
 * the fields of its kind (else `invalid`); what is read was maybe written by an older or a newer program, or another one: fields
 * that are not known are dropped, and missing ones have their default.
 *
 * Errors: as `openQueue`; when one of the three cannot be opened, none stays open.
 */
export async function openEventRecords(source: Store | Backend, options: EventRecordsOptions = {}): Promise<EventRecords> {
  const { systemId = 'local' } = options
  if (typeof systemId !== 'string') {
    throw new StorageError('invalid', 'systemId is a text', { operation: 'openEventRecords', facts: { type: typeof systemId } })
  }
  const opened: Queue<unknown>[] = []
  const open = async <Output, Input>(
    kind: Kind<Output>,
    { store = source, name = kind.name, ...given }: RecordQueueOptions = {},
  ): Promise<Queue<Output, Input>> => {
    const queue = await openQueue<Output, Input>(store, name, { ...given, key: kind.key, schema: schemaOf(kind, systemId) } as QueueOptions<
      Output,
      Input
    >)
    opened.push(queue as unknown as Queue<unknown>)
    return queue
  }
  const close = () => closeAll(opened)
  try {
    const events = await open<EventRecord, EventInput>(EVENT, options.events)
    const audits = await open<AuditRecord, AuditInput>(AUDIT, options.audits)
    const deadLetters = await open<DeadLetterRecord, DeadLetterInput>(DEAD_LETTER, options.deadLetters)
    return { events, audits, deadLetters, close, [asyncDispose]: close }
  } catch (error) {
    await close().catch(() => {}) // the first error says more
    throw error
  }
}

interface Kind<Output> {
  readonly name: string
  readonly key: (record: Output) => string
  readonly fields: (systemId: string) => Fields<Output>
}

const EVENT: Kind<EventRecord> = {
  name: 'events',
  key: ({ actorAddress }) => actorAddress,
  fields: (systemId) => ({
    systemId: text(systemId),
    actorAddress: text(''),
    eventType: requiredText(),
    payload: anything(),
    occurredAt: optionalTime(),
  }),
}

const AUDIT: Kind<AuditRecord> = {
  name: 'audits',
  key: ({ systemId }) => systemId,
  fields: (systemId) => ({
    systemId: text(systemId),
    totalActors: count(),
    aliveActors: count(),
    stoppingActors: count(),
    restartingActors: count(),
    registrySize: count(),
    registryOrphans: texts(),
    registryDead: texts(),
    deadLettersCount: count(),
    occurredAt: optionalTime(),
  }),
}

const DEAD_LETTER: Kind<DeadLetterRecord> = {
  name: 'dead-letters',
  key: ({ target = '' }) => target,
  fields: (systemId) => ({
    systemId: text(systemId),
    target: optionalText(),
    messageType: requiredText(),
    payload: anything(),
    reason: optionalText(),
    occurredAt: optionalTime(),
  }),
}

/** A record that says no system was stored by nobody knows whom: it is not given the name of its reader. */
function schemaOf<Output, Input>({ fields }: Kind<Output>, systemId: string): VersionedSchema<Input, Output> {
  return { version: 1, schema: recordSchema(fields(systemId), true), reader: recordSchema(fields(''), false) }
}

async function closeAll(queues: readonly Queue<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(queues.map((queue) => queue.close()))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}
