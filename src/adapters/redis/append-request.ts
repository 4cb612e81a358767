// What an append asks of its script, and what the script's answer means.

import { parseProducer, OWN_HEADER, producerHeader } from '../../core/base/own-headers.js'
import { StorageError } from '../../core/base/errors.js'
import type { AppendOptions, AppendResult, BytesOrText, DedupeWindow, RawRecord } from '../../core/ports/stream-broker.js'
import { type Reply, textOf } from './connection.js'
import type { Compression } from './encoding.js'
import { fieldsOf } from './entry.js'
import { NAME } from './errors.js'
import type { Packable } from './pack.js'

export interface RequestContext {
  /** undefined: the server's time. */
  readonly now: number | undefined
  readonly window: DedupeWindow
  /** Of the guard's blob, 8 bytes; empty where there is none. */
  readonly guardVersion: Uint8Array
  readonly markBytes: number
  readonly compression: Compression
  readonly compressionLevel: number | undefined
}

export interface AppendRequest {
  /** With the number of the append. */
  packed(number: number): Packable
  /** Arguments of their own: `true` stands in their places. */
  readonly values: readonly BytesOrText[]
}

/** Redis takes a million arguments; the values of a larger batch are packed with the rest. */
const MAX_VALUES = 1_000

export function appendRequest(records: readonly RawRecord[], options: AppendOptions, context: RequestContext): AppendRequest {
  const { when, at, producer, timestamps } = options
  const keeps = timestamps === 'keep'
  const said: Packable = producer === undefined ? false : [producer.id, producer.epoch, producer.sequence, producer.allowGaps === true, '']
  const marked = producer === undefined ? records : withProducer(records, producerHeader(producer))
  const values: BytesOrText[] = []
  const packed = marked.map((record): Packable => {
    const { id } = record
    const full = id === undefined ? record : withHeader(record, OWN_HEADER.id, id)
    const fields = fieldsOf(full, context)
    if (fields[0] === 'value' && records.length <= MAX_VALUES) {
      values.push(fields[1] as BytesOrText)
      fields[1] = true
    }
    return [fields, keeps ? (record.timestamp ?? false) : false, saidId(full), saidBatch(full, producer !== undefined)]
  })
  const hasDelays = records.some(({ headers = [] }) => headers.some(([name]) => name === OWN_HEADER.due))
  const { now, window, guardVersion, markBytes } = context
  const request = (number: number): Packable => [
    now ?? false,
    when?.next ?? false,
    at ?? false,
    keeps,
    number,
    said,
    window.ms,
    window.ids,
    guardVersion,
    markBytes,
    packed,
    hasDelays,
  ]
  return { packed: request, values }
}

/** Throws what the answer refuses. */
export function appendResult(answer: readonly Reply[], options: AppendOptions): AppendResult {
  const [word, one, two, three, , places, times] = answer
  const kind = textOf(word)
  if (kind === 'ok') {
    const result = { first: one as number, next: two as number, timestamp: three as number, durability: 'remote' as const }
    return places === undefined ? result : { ...result, offsets: places as number[], timestamps: times as number[] }
  }
  if (kind === 'repeated')
    return { first: one as number, next: two as number, timestamp: three as number, durability: 'remote', duplicate: true }
  if (kind === 'known') return knownResult(one as number[], two as number[])
  throw refusal(kind, one, two, options)
}

function knownResult(offsets: readonly number[], timestamps: readonly number[]): AppendResult {
  const next = (offsets[offsets.length - 1] as number) + 1
  return {
    first: offsets[0] as number,
    next,
    timestamp: timestamps[0] as number,
    durability: 'remote',
    duplicate: true,
    offsets,
    timestamps,
  }
}

function refusal(kind: string, one: Reply | undefined, two: Reply | undefined, { when, at, producer }: AppendOptions): StorageError {
  const refuse = (code: StorageError['code'], message: string, facts: Record<string, unknown> = {}): StorageError =>
    new StorageError(code, message, { backend: NAME, operation: 'append', facts })
  switch (kind) {
    case 'closed':
      return refuse('closed', textOf(one) === 'sealed' ? 'the stream is sealed' : 'the stream was deleted')
    case 'conflict':
      return refuse('conflict', 'the log does not end where the append expected', { expected: when?.next, next: one })
    case 'past':
      return refuse('conflict', 'the log has gone past the offset that the append wants', { at, next: one })
    case 'far':
      return refuse('invalid', 'an append leaves a gap of at most 2^31 offsets', { at, next: one })
    case 'fenced':
      return refuse('fenced', 'the producer goes on in a newer epoch', { producer: producer?.id, epoch: producer?.epoch, newest: one })
    case 'gap':
      return gap(refuse, one, two === 1, producer)
    case 'foreign':
      return refuse('corrupt', 'another client added an entry with an id of its own; recover(store, { mode: "repair" }) moves it aside')
    default:
      return refuse('unavailable', 'the append was settled too late', { answer: kind })
  }
}

function gap(
  refuse: (code: 'conflict', message: string, facts: Record<string, unknown>) => StorageError,
  expected: Reply | undefined,
  isStored: boolean,
  producer: AppendOptions['producer'],
): StorageError {
  const message = isStored
    ? 'the batch was stored before, longer ago than the 8 whose places are remembered'
    : 'the batch is not the next one of its producer'
  return refuse('conflict', message, {
    producer: producer?.id,
    sequence: producer?.sequence,
    expected,
    ...(isStored ? { stored: true } : {}),
  })
}

function withProducer([head, ...rest]: readonly RawRecord[], header: string): readonly RawRecord[] {
  return [withHeader(head as RawRecord, OWN_HEADER.producer, header), ...rest]
}

function withHeader(record: RawRecord, name: string, text: string): RawRecord {
  return { ...record, headers: [...(record.headers ?? []).filter(([other]) => other !== name), [name, text]] }
}

/** What a copied record said at its source is said here too. */
function saidId({ headers = [] }: RawRecord): Packable {
  for (const [name, value] of headers) if (name === OWN_HEADER.id) return textIn(value)
  return false
}

function saidBatch({ headers = [] }: RawRecord, isProducers: boolean): Packable {
  if (isProducers) return false
  for (const [name, value] of headers) {
    const said = name === OWN_HEADER.producer ? parseProducer(textIn(value)) : undefined
    if (said !== undefined) return [said.epoch, said.sequence, said.id]
  }
  return false
}

function textIn(value: BytesOrText): string {
  return typeof value === 'string' ? value : textOf(value)
}
