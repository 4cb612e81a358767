// The public shapes of a queue and its groups.

import type { CodecOption } from '../../codec/codecs.js'
import type { CompressionLevel, CompressionName } from '../../codec/compression.js'
import type { Cancellable, Handle, WriteDurability } from '../../ports/options.js'
import type { CompactionResult, DedupeWindow, RetentionPolicy, StreamFormat, SyncMode } from '../../ports/stream-broker.js'
import type { Group, GroupOptions } from './group-types.js'
import type { Marks, MarksOptions } from './marks-types.js'
import type { QueueReader, ReaderOptions } from './reader-types.js'
import type { Position, Receipt, StoredRecord } from './record-types.js'
import type { StandardSchema, VersionedSchema } from './schema.js'
import type { QueueWriter, WriterOptions } from './writer-types.js'

export type { Position, Receipt, StoredRecord } from './record-types.js'

/** `Output` is what is stored and read, `Input` what may be appended; they differ where a schema fills in or transforms. */
export interface QueueOptions<Output, Input = Output> {
  /** Fixed at creation, 1-1024; omitted: what is stored, or 1. Another number than stored is `invalid`. */
  readonly buckets?: number
  /**
   * Every value that is appended has to fit it (else `invalid`, with the issues), and what it makes of the value is
   * stored, with its version. Records of older versions are read as values of this one, records of newer ones are
   * `unsupported`. Without a schema values come back as stored.
   */
  readonly schema?: StandardSchema<Input, Output> | VersionedSchema<Input, Output>
  /** Derives the key of each value as it is stored; records of one key share a bucket and keep their order. */
  readonly key?: (value: Output) => string
  /** How values become bytes; recorded with each record. Default `json`. */
  readonly codec?: CodecOption
  /** When an append is acknowledged; default `always`: when it is durable. */
  readonly sync?: SyncMode
  readonly durability?: WriteDurability
  /**
   * Fixed at creation. `ndjson` is a line of JSON a record, for people and their tools, on backends with files; `unsupported`
   * elsewhere. Omitted: what is stored, or `binary`. Another one than stored is `invalid`.
   */
  readonly format?: StreamFormat
  /** Size at which a segment is closed and the next begun. */
  readonly segmentBytes?: number
  /** Of each batch, only where it saves, with a level if wanted; readers find it in the batch. Default `none`. */
  readonly compression?: CompressionName | CompressionLevel
  /** What is kept; default everything. Whole segments past it are dropped in the background, the rest by `compact()`. */
  readonly retention?: RetentionPolicy
  /** `compact()` keeps the last record of each key only, and tombstones for `tombstoneMs`. */
  readonly compaction?: 'key'
  /** Default a day. */
  readonly tombstoneMs?: number
  /** For how long, and how many of them, a bucket knows the ids that were stored; default a day and 10 000, at most 100 000. */
  readonly dedupe?: DedupeWindow
  /** Largest value in bytes; default 1 MiB, at most 64 MiB. */
  readonly maxRecordBytes?: number
  /** false: `missing` instead of creating it. */
  readonly create?: boolean
}

export interface AppendRecordOptions extends Cancellable, RecordSaid {
  /** `conflict` unless the record would get this offset (in its bucket). */
  readonly when?: { readonly next: number }
}

/** What may be said of a record beside its value. */
export interface RecordSaid {
  readonly key?: string
  /** Names that begin with `varve-` are `invalid`. */
  readonly headers?: Readonly<Record<string, string>>
  /**
   * Text of at most 1 024 units. Within the queue's `dedupe` window a record of this id is stored once, however often it is
   * appended: again it has the receipt of the first, `duplicate: true`. A record without a key goes by its id into a
   * bucket; one with a key has to come with the same key again.
   */
  readonly id?: string
  /** Groups deliver the record so much later, ms; `read` and `tail` show it at once. */
  readonly delayMs?: number
}

/** `id` is for `append`: a transaction that is sent twice is stored twice, unless a condition says otherwise. */
export interface TransactionAppendOptions extends Omit<RecordSaid, 'id'> {
  /** `conflict` unless the record would get this offset (in its bucket). */
  readonly when?: { readonly next: number }
}

export interface RecordInput<T> extends RecordSaid {
  readonly value: T
}

export interface ReadRecordsOptions extends Cancellable {
  /** Needed when the queue has more than one. */
  readonly bucket?: number
  /** Default `earliest`. */
  readonly from?: Position
  /** Default 100, at most 10 000. */
  readonly limit?: number
  /** 0-60 000: returns as soon as anything is there, and at the latest then. */
  readonly waitMs?: number
}

export interface TailOptions extends Cancellable {
  /** One position for all buckets, or an offset for each. Default `latest`. */
  readonly from?: Position | readonly number[]
}

export interface BucketStats {
  readonly bucket: number
  readonly first: number
  /** High-water mark: the next offset. */
  readonly next: number
  readonly durable: number
  readonly bytes: number
  readonly segments: number
}

export interface QueueStats {
  readonly buckets: readonly BucketStats[]
}

/** What `compact` did, over all buckets. */
export interface CompactionReport extends CompactionResult {
  readonly backend: string
  readonly removedRecords: number
  /** Negative where new indexes took more than was freed. */
  readonly reclaimedBytes: number
}

export type QueueEvent =
  | { readonly type: 'appended'; readonly bucket: number; readonly next: number }
  | { readonly type: 'rewound'; readonly group: string; readonly bucket: number; readonly from: number; readonly to: number }

/** `Output` is what is stored and read, `Input` what may be appended; they differ where a schema fills in or transforms. */
export interface Queue<Output, Input = Output> extends Handle {
  readonly name: string
  readonly buckets: number
  /**
   * Takes the value as it is at the call; where the schema is asynchronous the value must not change until this resolves.
   */
  append(value: Input, options?: AppendRecordOptions): Promise<Receipt>
  /** Receipts in input order; atomic per bucket. Nothing is stored when a value is `invalid`. On failure the error carries `receipts` of the buckets that were stored. */
  appendMany(values: Iterable<Input>, options?: Cancellable): Promise<readonly Receipt[]>
  appendRecords(records: Iterable<RecordInput<Input>>, options?: Cancellable): Promise<readonly Receipt[]>
  /** Writes in numbered batches, each stored once, with bounded memory. `invalid` for options that cannot be, `denied` in read mode. */
  writer(options: WriterOptions): Promise<QueueWriter<Input>>
  /** Says that the key is gone: a record without value. */
  tombstone(key: string, options?: Cancellable): Promise<Receipt>
  read(options?: ReadRecordsOptions): Promise<readonly StoredRecord<Output>[]>
  /** New records of all buckets as they come, in order within a bucket; ends normally on abort. */
  tail(options?: TailOptions): AsyncIterableIterator<StoredRecord<Output>>
  /** Reads all buckets, or the part that falls to a rank, from positions of its own. `invalid` for a rank or a position that cannot be. */
  reader(options?: ReaderOptions): Promise<QueueReader<Output>>
  /** What the task of this name has consumed, to hand out the rest in batches. Stored with the first batch; deleted with the queue. */
  marks(task: string, options?: MarksOptions): Promise<Marks<Output>>
  group(name: string, options?: GroupOptions): Promise<Group<Output>>
  groups(): Promise<readonly string[]>
  deleteGroup(name: string): Promise<void>
  stats(): Promise<QueueStats>
  /** Nothing before it is read any more, and whole segments before it are dropped: one position for all buckets, or an offset for each. */
  trim(before: Position | readonly number[]): Promise<void>
  /** Frees what retention, and compaction by key, no longer keep. Offsets stay as they are; readers in flight are unharmed. */
  compact(): Promise<CompactionReport>
  /** No append follows: later ones are `closed`. What is there can be read for ever. */
  seal(): Promise<void>
  /** Resolves when all that was accepted is as durable as the backend can make it. */
  flush(): Promise<void>
  /** Calls back on changes, here or in other tabs and processes; returns how to stop. */
  watch(listener: (event: QueueEvent) => void): () => void
}
