import { asyncDispose } from '../../base/async-dispose.js'
import { StorageError } from '../../base/errors.js'
import { checkName } from '../../base/key.js'
import type { Codec } from '../../codec/codec.js'
import type { StoreContext } from '../../derived/store-context.js'
import type { AppendResult, GroupPort, RawRecord, RecordStream } from '../../ports/stream-broker.js'
import { partialAppendError } from './append-error.js'
import { checkLimit, checkWaitMs } from './checks.js'
import { GroupHandle } from './group-handle.js'
import { offsetOf, readFrom } from './position.js'
import { bucketOf, RecordCodec } from './record-codec.js'
import { tailStreams } from './tail.js'
import type {
  AppendRecordOptions,
  Group,
  GroupOptions,
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
} from './types.js'

const DEFAULT_LIMIT = 100

export interface QueueHandleOptions<T> {
  readonly name: string
  readonly context: StoreContext
  /** One a bucket. */
  readonly streams: readonly RecordStream[]
  /** What `options.codec` stands for. */
  readonly codec: Codec
  readonly options: QueueOptions<T>
}

/** A record with the bucket it belongs to. */
interface RoutedRecord {
  readonly bucket: number
  readonly raw: RawRecord
}

export class QueueHandle<T> implements Queue<T> {
  readonly name: string
  readonly #context: StoreContext
  readonly #streams: readonly RecordStream[]
  readonly #codec: RecordCodec<T>
  readonly #forget: () => void
  readonly #listeners = new Set<(event: QueueEvent) => void>()
  #roundRobin: number
  #closed = false

  constructor({ name, context, streams, codec, options }: QueueHandleOptions<T>) {
    this.name = name
    this.#context = context
    this.#streams = streams
    this.#codec = new RecordCodec(codec, options)
    this.#roundRobin = Math.floor(context.clock.random() * streams.length)
    this.#forget = context.onClose(this)
  }

  get buckets(): number {
    return this.#streams.length
  }

  async append(value: T, options: AppendRecordOptions = {}): Promise<Receipt> {
    this.#checkOpen('append')
    const { bucket, raw } = this.#route({ value, ...options }) // before any wait: the caller may change the value
    await this.#context.writable('append')
    const { when, signal } = options
    return this.#appendTo(bucket, [raw], { ...(when === undefined ? {} : { when }), ...(signal === undefined ? {} : { signal }) }).then(
      ({ receipts }) => receipts[0] as Receipt,
    )
  }

  appendMany(values: Iterable<T>, options: { readonly signal?: AbortSignal } = {}): Promise<readonly Receipt[]> {
    return this.#appendAll(
      mapIterable(values, (value) => ({ value })),
      options,
    )
  }

  appendRecords(records: Iterable<RecordInput<T>>, options: { readonly signal?: AbortSignal } = {}): Promise<readonly Receipt[]> {
    return this.#appendAll(records, options)
  }

  async tombstone(key: string, options: { readonly signal?: AbortSignal } = {}): Promise<Receipt> {
    this.#checkOpen('tombstone')
    if (typeof key !== 'string')
      throw new StorageError('invalid', 'a key is a string', { operation: 'tombstone', facts: { type: typeof key } })
    await this.#context.writable('tombstone')
    const { receipts } = await this.#appendTo(bucketOf(key, this.buckets), [this.#codec.tombstone(key)], options)
    return receipts[0] as Receipt
  }

  async read(options: ReadRecordsOptions = {}): Promise<readonly StoredRecord<T>[]> {
    this.#checkOpen('read')
    const { from = 'earliest', limit = DEFAULT_LIMIT, waitMs = 0, signal } = options
    const bucket = this.#chooseBucket(options.bucket)
    const stream = this.#streams[bucket] as RecordStream
    const input = { from: await readFrom(stream, from), limit: checkLimit(limit, 'read'), waitMs: checkWaitMs(waitMs, 'read') }
    const records = await stream.read(signal === undefined ? input : { ...input, signal })
    return await this.#codec.decode(bucket, records)
  }

  async *tail(options: TailOptions = {}): AsyncGenerator<StoredRecord<T>> {
    this.#checkOpen('tail')
    const next = await this.#startOffsets(options.from ?? 'latest')
    const input = { streams: this.#streams, next, clock: this.#context.clock, signal: options.signal }
    for await (const { bucket, record } of tailStreams(input)) yield* await this.#codec.decode(bucket, [record])
  }

  async group(name: string, options: GroupOptions = {}): Promise<Group<T>> {
    this.#checkOpen('group')
    checkName('group name', name)
    const { from = 'earliest', visibilityMs } = options
    if (visibilityMs !== undefined && !(visibilityMs > 0)) {
      throw new StorageError('invalid', 'visibilityMs is a positive number of milliseconds', {
        operation: 'group',
        facts: { visibilityMs },
      })
    }
    const ports: GroupPort[] = []
    for (const stream of this.#streams) {
      const offset = await offsetOf(stream, from)
      ports.push(await stream.group(name, { from: offset, ...(visibilityMs === undefined ? {} : { visibilityMs }) }))
    }
    const handle = new GroupHandle<T>({
      name,
      ports,
      streams: this.#streams,
      decode: (bucket, records) => this.#codec.decode(bucket, records),
      clock: this.#context.clock,
      visibilityMs,
    })
    await this.#reportRewinds(name, ports)
    return handle
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
    for (const stream of this.#streams) await stream.deleteGroup(name)
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
    const results = await Promise.allSettled(this.#streams.map((stream) => stream.close()))
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  [asyncDispose](): Promise<void> {
    return this.close()
  }

  async #appendAll(inputs: Iterable<RecordInput<T>>, options: { readonly signal?: AbortSignal }): Promise<readonly Receipt[]> {
    this.#checkOpen('appendMany')
    const byBucket = new Map<number, { readonly raws: RawRecord[]; readonly places: number[] }>()
    let count = 0
    for (const input of inputs) {
      const { bucket, raw } = this.#route(input)
      const batch = byBucket.get(bucket) ?? { raws: [], places: [] }
      byBucket.set(bucket, batch)
      batch.raws.push(raw)
      batch.places.push(count++)
    }
    await this.#context.writable('appendMany')
    const receipts: (Receipt | undefined)[] = new Array(count).fill(undefined)
    const outcomes = await Promise.allSettled(
      [...byBucket].map(async ([bucket, { raws, places }]) => {
        const stored = await this.#appendTo(bucket, raws, options)
        for (const [index, place] of places.entries()) receipts[place] = stored.receipts[index]
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
  ): Promise<{ readonly receipts: readonly Receipt[] }> {
    const result: AppendResult = await (this.#streams[bucket] as RecordStream).append({ records }, options)
    const { first, timestamp, durability } = result
    return { receipts: records.map((_, index) => ({ bucket, offset: first + index, timestamp, durability })) }
  }

  #route(input: RecordInput<T>): RoutedRecord {
    const key = this.#codec.keyOf(input)
    const bucket = key === undefined ? this.#roundRobin++ % this.buckets : bucketOf(key, this.buckets)
    return { bucket, raw: this.#codec.encode(input, key) }
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
    throw new StorageError('invalid', 'tail takes one position, or an offset for each bucket', {
      operation: 'tail',
      facts: { buckets: this.buckets, given: from.length },
    })
  }

  async #reportRewinds(group: string, ports: readonly GroupPort[]): Promise<void> {
    for (const [bucket, port] of ports.entries()) {
      const { rewound } = await port.state()
      if (rewound !== undefined) for (const listener of this.#listeners) listener({ type: 'rewound', group, bucket, ...rewound })
    }
  }

  #checkOpen(operation: string): void {
    this.#context.checkOpen(operation)
    if (this.#closed) throw new StorageError('closed', 'the queue is closed', { operation, facts: { queue: this.name } })
  }
}

function* mapIterable<A, B>(values: Iterable<A>, map: (value: A) => B): Iterable<B> {
  for (const value of values) yield map(value)
}
