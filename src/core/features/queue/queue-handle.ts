import { asyncDispose } from '../../base/async-dispose.js'
import { addDependent, closeDependents } from '../../base/dependents.js'
import { StorageError } from '../../base/errors.js'
import { checkName } from '../../base/key.js'
import { loadPart } from '../../base/load-part.js'
import type { Codec } from '../../codec/codec.js'
import type { StoreContext } from '../../derived/store-context.js'
import type { AppendResult, CompactionResult, RawRecord, RecordStream, StreamRecord } from '../../ports/stream-broker.js'
import { partialAppendError } from './append-error.js'
import { checkDelayMs, checkReadLimit, checkWaitMs } from './checks.js'
import { offsetOf, readFrom } from './position.js'
import { keepRaw, type QueuePlace } from './raw-queue.js'
import { receiptOf, receiptsOf } from './receipts.js'
import { bucketOf, RecordCodec } from './record-codec.js'
import type { Marks, MarksOptions } from './marks-types.js'
import type { QueueReader, ReaderOptions } from './reader-types.js'
import type { SchemaGate } from './schema-gate.js'
import { tailStreams } from './tail.js'
import type { Group, GroupOptions } from './group-types.js'
import type {
  AppendRecordOptions,
  CompactionReport,
  Position,
  Queue,
  QueueEvent,
  QueueOptions,
  QueueStats,
  ReadRecordsOptions,
  Receipt,
  RecordInput,
  StoredRecord,
  TailOptions,
  TransactionAppendOptions,
} from './types.js'
import type { QueueWriter, WriterOptions } from './writer-types.js'

const DEFAULT_LIMIT = 100

export interface QueueHandleOptions<Output, Input> {
  readonly place: QueuePlace
  readonly context: StoreContext
  /** One a bucket. */
  readonly streams: readonly RecordStream[]
  /** What `options.codec` stands for. */
  readonly codec: Codec
  readonly schema: SchemaGate<Output> | undefined
  readonly options: QueueOptions<Output, Input>
}

/** What stands beside the value of a record. */
type RecordMeta = Pick<RecordInput<unknown>, 'key' | 'headers' | 'id' | 'delayMs'>

/** A record with the bucket it belongs to. */
interface RoutedRecord {
  readonly bucket: number
  readonly raw: RawRecord
}

/** A record that is ready to be stored, and where. */
export interface PreparedRecord extends RoutedRecord {
  readonly context: StoreContext
  readonly stream: RecordStream
}

export class QueueHandle<Output, Input> implements Queue<Output, Input> {
  readonly name: string
  readonly #context: StoreContext
  readonly #incarnation: string
  readonly #streams: readonly RecordStream[]
  readonly #codec: RecordCodec<Output>
  readonly #schema: SchemaGate<Output> | undefined
  readonly #forget: () => void
  readonly #listeners = new Set<(event: QueueEvent) => void>()
  #roundRobin: number
  #closed = false

  constructor({ place, context, streams, codec, schema, options }: QueueHandleOptions<Output, Input>) {
    this.name = place.name
    this.#context = context
    this.#incarnation = place.incarnation
    this.#streams = streams
    this.#codec = new RecordCodec(codec, schema, options)
    this.#schema = schema
    this.#roundRobin = Math.floor(context.clock.random() * streams.length)
    this.#forget = context.onClose(this)
    keepRaw(this, {
      ...place,
      context,
      streams,
      append: (bucket, record) => this.#appendRaw(bucket, record),
      decode: (bucket, records) => this.#codec.decode(bucket, records),
    })
  }

  get buckets(): number {
    return this.#streams.length
  }

  async append(value: Input, options: AppendRecordOptions = {}): Promise<Receipt> {
    this.#checkOpen('append')
    const routed = this.#inOrder(this.#route(value, options)) // before any wait: the caller may change the value
    const { bucket, raw } = routed instanceof Promise ? await routed : routed
    const writable = this.#context.writable('append')
    if (writable !== undefined) await writable
    const { when, signal } = options
    const result = await this.#streamOf(bucket).append({ records: [raw] }, { when, signal })
    return receiptOf(bucket, result)
  }

  /** The record as `append` would store it, for a commit together with other things. */
  async prepare(value: Input, options: TransactionAppendOptions): Promise<PreparedRecord> {
    this.#checkOpen('transaction')
    const routed = await this.#inOrder(this.#route(value, options))
    return { ...routed, context: this.#context, stream: this.#streamOf(routed.bucket) }
  }

  appendMany(values: Iterable<Input>, options: { readonly signal?: AbortSignal } = {}): Promise<readonly Receipt[]> {
    return this.#appendAll(
      mapIterable(values, (value) => ({ value })),
      options,
    )
  }

  appendRecords(records: Iterable<RecordInput<Input>>, options: { readonly signal?: AbortSignal } = {}): Promise<readonly Receipt[]> {
    return this.#appendAll(records, options)
  }

  async writer(options: WriterOptions): Promise<QueueWriter<Input>> {
    this.#checkOpen('writer')
    const { openWriter } = await loadPart('writers', () => import('./writer.js'))
    const route = (value: Input, beside: RecordMeta) => this.#inOrder(this.#route(value, beside))
    const onClose = (writer: QueueWriter<Input>) => addDependent(this, writer)
    return openWriter({ ...this.#inside, context: this.#context, route, onClose }, options)
  }

  async tombstone(key: string, options: { readonly signal?: AbortSignal } = {}): Promise<Receipt> {
    this.#checkOpen('tombstone')
    if (typeof key !== 'string')
      throw new StorageError('invalid', 'a key is a string', { operation: 'tombstone', facts: { type: typeof key } })
    const turn = this.#inOrder(undefined)
    if (turn instanceof Promise) await turn
    const writable = this.#context.writable('tombstone')
    if (writable !== undefined) await writable
    const [receipt] = await this.#appendTo(bucketOf(key, this.buckets), [this.#codec.tombstone(key)], options)
    return receipt as Receipt
  }

  async read(options: ReadRecordsOptions = {}): Promise<readonly StoredRecord<Output>[]> {
    this.#checkOpen('read')
    const { from = 'earliest', limit = DEFAULT_LIMIT, waitMs = 0, signal } = options
    const bucket = this.#chooseBucket(options.bucket)
    const stream = this.#streamOf(bucket)
    const input = { from: await readFrom(stream, from), limit: checkReadLimit(limit, 'read'), waitMs: checkWaitMs(waitMs, 'read') }
    const records = await stream.read(signal === undefined ? input : { ...input, signal })
    return await this.#codec.decode(bucket, records)
  }

  async *tail(options: TailOptions = {}): AsyncGenerator<StoredRecord<Output>> {
    this.#checkOpen('tail')
    const next = await this.#startOffsets(options.from ?? 'latest')
    const input = { streams: this.#streams, next, clock: this.#context.clock, signal: options.signal }
    for await (const { bucket, record } of tailStreams(input)) yield* await this.#codec.decode(bucket, [record])
  }

  async reader(options: ReaderOptions = {}): Promise<QueueReader<Output>> {
    this.#checkOpen('reader')
    const { openReader } = await loadPart('readers', () => import('./reader.js'))
    return openReader(this.#inside, options)
  }

  async marks(task: string, options: MarksOptions = {}): Promise<Marks<Output>> {
    this.#checkOpen('marks')
    const { openMarks } = await loadPart('marks', () => import('./marks.js'))
    return openMarks({ ...this.#inside, context: this.#context, incarnation: this.#incarnation }, task, options)
  }

  async group(name: string, options: GroupOptions = {}): Promise<Group<Output>> {
    this.#checkOpen('group')
    checkName('group name', name)
    const { openGroup } = await loadPart('groups', () => import('./open-group.js'))
    return await openGroup<Output>({
      name,
      options,
      owner: this,
      clock: this.#context.clock,
      decode: (bucket, records) => this.#codec.decode(bucket, records),
      rewound: (bucket, positions) => this.#report({ type: 'rewound', group: name, bucket, ...positions }),
    })
  }

  async groups(): Promise<readonly string[]> {
    this.#checkOpen('groups')
    return (this.#streams[0] as RecordStream).groups()
  }

  async deleteGroup(name: string): Promise<void> {
    this.#checkOpen('deleteGroup')
    checkName('group name', name)
    if (!(await this.groups()).includes(name)) {
      throw new StorageError('missing', 'there is no such group', { operation: 'deleteGroup', facts: { queue: this.name, group: name } })
    }
    for (const stream of [...this.#streams].reverse()) await stream.deleteGroup(name) // the first one says that there is such a group
  }

  async stats(): Promise<QueueStats> {
    this.#checkOpen('stats')
    const buckets = await Promise.all(
      this.#streams.map(async (stream, bucket) => {
        const { first, next, durable, bytes, segments } = await stream.stats()
        return { bucket, first, next, durable, bytes, segments }
      }),
    )
    return { buckets }
  }

  async trim(before: Position | readonly number[]): Promise<void> {
    this.#checkOpen('trim')
    const offsets = await this.#startOffsets(before)
    await Promise.all(this.#streams.map((stream, bucket) => stream.trim(offsets[bucket] as number)))
  }

  async compact(): Promise<CompactionReport> {
    this.#checkOpen('compact')
    const sum = { beforeRecords: 0, afterRecords: 0, beforeBytes: 0, afterBytes: 0 }
    for (const stream of this.#streams) {
      const result = await stream.compact()
      for (const field of Object.keys(sum) as (keyof CompactionResult)[]) sum[field] += result[field]
    }
    const removedRecords = sum.beforeRecords - sum.afterRecords
    return { backend: this.#context.backend.name, ...sum, removedRecords, reclaimedBytes: sum.beforeBytes - sum.afterBytes }
  }

  async seal(): Promise<void> {
    this.#checkOpen('seal')
    await Promise.all(this.#streams.map((stream) => stream.seal()))
  }

  async flush(): Promise<void> {
    this.#checkOpen('flush')
    await Promise.all(this.#streams.map((stream) => stream.flush()))
  }

  watch(listener: (event: QueueEvent) => void): () => void {
    this.#checkOpen('watch')
    this.#listeners.add(listener)
    const stops = this.#streams.map((stream, bucket) =>
      stream.listen(() => {
        stream.bounds().then(
          ({ next }) => listener({ type: 'appended', bucket, next }),
          () => {}, // the queue was closed meanwhile: nobody is left to tell
        )
      }),
    )
    return () => {
      this.#listeners.delete(listener)
      for (const stop of stops) stop()
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#forget()
    const writers = await Promise.allSettled([closeDependents(this)])
    const results = await Promise.allSettled(this.#streams.map((stream) => stream.close()))
    for (const result of [...writers, ...results]) if (result.status === 'rejected') throw result.reason
  }

  [asyncDispose](): Promise<void> {
    return this.close()
  }

  async #appendAll(inputs: Iterable<RecordInput<Input>>, options: { readonly signal?: AbortSignal }): Promise<readonly Receipt[]> {
    this.#checkOpen('appendMany')
    const routed: (RoutedRecord | Promise<RoutedRecord>)[] = []
    for (const input of inputs) routed.push(this.#route(input.value, input, routed.length))
    const all = this.#inOrder(routed.some((one) => one instanceof Promise) ? Promise.all(routed) : (routed as RoutedRecord[]))
    const records = all instanceof Promise ? await all : all
    const byBucket = groupByBucket(records)
    const writable = this.#context.writable('appendMany')
    if (writable !== undefined) await writable
    const receipts: (Receipt | undefined)[] = new Array(records.length).fill(undefined)
    const outcomes = await Promise.allSettled(
      [...byBucket].map(async ([bucket, { raws, places }]) => {
        const stored = await this.#appendTo(bucket, raws, options)
        for (const [index, place] of places.entries()) receipts[place] = stored[index]
      }),
    )
    const failure = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failure !== undefined) throw partialAppendError(failure.reason, receipts)
    return receipts as Receipt[]
  }

  async #appendTo(
    bucket: number,
    records: readonly RawRecord[],
    options: Parameters<RecordStream['append']>[1],
  ): Promise<readonly Receipt[]> {
    const result = await this.#streamOf(bucket).append({ records }, options)
    return receiptsOf(bucket, result, records.length)
  }

  /** What those need that read on their own. */
  get #inside() {
    return {
      queue: this.name,
      streams: this.#streams,
      decode: (bucket: number, records: readonly StreamRecord[]) => this.#codec.decode(bucket, records),
      clock: this.#context.clock,
      checkOpen: (operation: string) => this.#checkOpen(operation),
    }
  }

  #streamOf(bucket: number): RecordStream {
    return this.#streams[bucket] as RecordStream
  }

  /** Checked by the schema, if there is one; a promise only where that one is asynchronous. `index` is the place in a batch. */
  #route(value: Input, beside: RecordMeta, index?: number): RoutedRecord | Promise<RoutedRecord> {
    if (this.#schema === undefined) return this.#encode(value as unknown as Output, beside)
    return this.#schema.check(value, index, (checked) => this.#encode(checked, beside))
  }

  #encode(value: Output, beside: RecordMeta): RoutedRecord {
    const key = this.#codec.keyOf(value, beside.key)
    const routedBy = key ?? beside.id // what is sent again has to meet the one that was stored
    const bucket = routedBy === undefined ? this.#roundRobin++ % this.buckets : bucketOf(routedBy, this.buckets)
    const dueAt = beside.delayMs === undefined ? undefined : this.#dueAt(beside.delayMs)
    return { bucket, raw: this.#codec.encode(value, key, beside, dueAt) }
  }

  /** undefined for at once. */
  #dueAt(delayMs: number): number | undefined {
    const dueAt = Math.ceil(this.#context.clock.now() + checkDelayMs(delayMs))
    return delayMs === 0 ? undefined : dueAt
  }

  /** Waits are had only where there must be some: all calls have equally many then, and are stored in their order. */
  #inOrder<Result>(result: Result | Promise<Result>): Result | Promise<Result> {
    return this.#schema === undefined ? result : this.#schema.inOrder(result)
  }

  #chooseBucket(bucket: number | undefined): number {
    if (bucket === undefined && this.buckets === 1) return 0
    if (bucket !== undefined && Number.isInteger(bucket) && bucket >= 0 && bucket < this.buckets) return bucket
    throw new StorageError('invalid', 'read takes the bucket when a queue has several', {
      operation: 'read',
      facts: { queue: this.name, buckets: this.buckets, bucket },
    })
  }

  #startOffsets(from: Position | readonly number[]): Promise<number[]> {
    if (!Array.isArray(from)) return Promise.all(this.#streams.map((stream) => offsetOf(stream, from as Position)))
    if (from.length === this.buckets) return Promise.all(this.#streams.map((stream, bucket) => offsetOf(stream, from[bucket] as number)))
    throw new StorageError('invalid', 'expected one position, or an offset for each bucket', {
      facts: { buckets: this.buckets, given: from.length },
    })
  }

  async #appendRaw(bucket: number, record: RawRecord): Promise<AppendResult> {
    this.#checkOpen('append')
    const writable = this.#context.writable('append')
    if (writable !== undefined) await writable
    return this.#streamOf(bucket).append({ records: [record] })
  }

  #report(event: QueueEvent): void {
    for (const listener of this.#listeners) listener(event)
  }

  #checkOpen(operation: string): void {
    this.#context.checkOpen(operation)
    if (this.#closed) throw new StorageError('closed', 'the queue is closed', { operation, facts: { queue: this.name } })
  }
}

function* mapIterable<A, B>(values: Iterable<A>, map: (value: A) => B): Iterable<B> {
  for (const value of values) yield map(value)
}

/** Records of one append by their buckets, with their places in the input. */
function groupByBucket(records: readonly RoutedRecord[]): Map<number, { readonly raws: RawRecord[]; readonly places: number[] }> {
  const byBucket = new Map<number, { readonly raws: RawRecord[]; readonly places: number[] }>()
  for (const [place, { bucket, raw }] of records.entries()) {
    const batch = byBucket.get(bucket) ?? { raws: [], places: [] }
    byBucket.set(bucket, batch)
    batch.raws.push(raw)
    batch.places.push(place)
  }
  return byBucket
}
