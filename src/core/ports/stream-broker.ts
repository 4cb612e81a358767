// Records in, records out: what a queue bucket stands on. Offsets rise by one from 0 on every backend
// (gaps only where `at` declared them). Bytes only; what values mean, keys and hashing to buckets live above.

import type { Clock } from '../base/clock.js'
import type { CompressionName } from '../codec/compression.js'
import type { Cancellable, Closable, Durability, WriteDurability } from './options.js'

/** Text stands for its UTF-8 bytes: it need not be encoded before it is written where it stays. */
export type BytesOrText = Uint8Array | string

export interface RawRecord {
  readonly key?: BytesOrText
  /** undefined is a tombstone. */
  readonly value: BytesOrText | undefined
  readonly headers?: readonly (readonly [string, BytesOrText])[]
  /** Codec of the value, 0-15, kept with the record. */
  readonly codec: number
  /** Version of the schema that the value was validated by, from 1; kept with the record. */
  readonly schema?: number | undefined
  /** Milliseconds; only kept when the append says `timestamps: 'keep'`. */
  readonly timestamp?: number
  /** Stored once within the stream's dedupe window, however often it is appended. Kept with the record in the header `varve-id`. */
  readonly id?: string
}

/** One producer's batches are numbered from 0 in each stream. A higher epoch begins anew at any number and shuts the older ones out. */
export interface ProducerBatch {
  readonly id: string
  readonly epoch: number
  readonly sequence: number
  /** The numbers need only rise: what was left out is never appended. */
  readonly allowGaps?: boolean
}

/** What a stream knows of a producer. */
export interface ProducerState {
  readonly epoch: number
  /** Expected next; with `allowGaps` the least that is taken. */
  readonly sequence: number
}

/** How long, and for how many ids at most, a stream knows what it has stored. */
export interface DedupeWindow {
  readonly ms: number
  readonly ids: number
}

export interface RecordBatch {
  readonly records: readonly RawRecord[]
}

export interface AppendOptions extends Cancellable {
  /** Compare-and-append: `conflict` with the next offset when it is another one. */
  readonly when?: { readonly next: number }
  /**
   * A number that was stored is acknowledged again with its first offset, or is a `conflict` with `stored: true` when it is
   * not among the last 8 of its producer. `conflict` with the number that was `expected` for a gap (0 for a producer that
   * is not known), `fenced` for an older epoch, `invalid` where records have ids.
   */
  readonly producer?: ProducerBatch
  /** Replication and import: an offset >= next, leaves a declared gap. */
  readonly at?: number
  readonly timestamps?: 'keep'
}

export interface AppendResult {
  readonly first: number
  readonly next: number
  readonly timestamp: number
  readonly durability: Durability
  /** All of it had been stored before. */
  readonly duplicate?: boolean
  /** Of each record, in order, where some had been stored before: those lie below `first`. */
  readonly offsets?: readonly number[]
  /** Of each record, in order, where `offsets` are given: when it was stored, ms. */
  readonly timestamps?: readonly number[]
}

/** Its bytes are the caller's, in memory that those of other records of the same read may share. */
export interface StreamRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: Uint8Array | undefined
  readonly value: Uint8Array | undefined
  readonly headers: readonly (readonly [string, Uint8Array])[]
  readonly codec: number
  /** As it was appended; undefined when the value was written without a schema. */
  readonly schema?: number | undefined
}

export interface ReadOptions extends Cancellable {
  /** An offset, or the first record at or after a time in ms. Below `first` reads from `first`. */
  readonly from: number | { readonly time: number }
  readonly limit: number
  /** Stops after the record that reaches it; at least one record is returned. */
  readonly maxBytes?: number
  /** Waits this long at most for a first record. */
  readonly waitMs?: number
}

export interface StreamBounds {
  /** Oldest offset still held. */
  readonly first: number
  /** High-water mark: the next offset to be written, as readers may see it. */
  readonly next: number
  /** Everything below is as durable as the backend can make it. */
  readonly durable: number
  /** Rises when a recovery dropped a tail. */
  readonly epoch: number
  /** No append follows. */
  readonly sealed?: true
}

/** `always`: acknowledged when durable; `{…}`: synced by its own timer or count; `never`: the operating system's business. */
export type SyncMode = 'always' | { readonly everyMs?: number; readonly everyRecords?: number } | 'never'

/** A blob that must still have this version for an append to be stored: tells a writer that its queue was deleted. */
export interface StreamGuard {
  readonly key: string
  readonly version: string
}

/**
 * What is kept: records younger than `ageMs`, at most the newest `records`, at most about `bytes`, whichever is less. With
 * `untilAcked`, what the groups have not acknowledged is kept beyond that, up to `atMost`, which always wins; alone it
 * keeps nothing that all of the groups have acknowledged.
 */
export interface RetentionPolicy {
  readonly ageMs?: number
  readonly records?: number
  readonly bytes?: number
  readonly untilAcked?: { readonly groups: readonly string[]; readonly atMost: { readonly ageMs?: number; readonly bytes?: number } }
}

/** What a compaction did: records held and bytes stored, before and after. */
export interface CompactionResult {
  readonly beforeRecords: number
  readonly afterRecords: number
  readonly beforeBytes: number
  readonly afterBytes: number
}

/** `binary`, or a line of JSON a record: for people and their tools, on backends with files. */
export type StreamFormat = 'binary' | 'ndjson'

export interface StreamOptions {
  /** Whose time stamps records and ends deadlines; default the system's, which a server may take for its own. */
  readonly clock?: Clock
  /** Of each batch, where it saves; recorded with the batch. Default `none`. */
  readonly compression?: CompressionName
  /** One that the compression has; a hint. */
  readonly compressionLevel?: number
  readonly retention?: RetentionPolicy
  /** Default a day and 10 000 ids. */
  readonly dedupe?: DedupeWindow
  /** `compact()` keeps the last record of each key only. */
  readonly compaction?: 'key'
  /** How long a compaction keeps tombstones, ms. */
  readonly tombstoneMs?: number
  readonly guard?: StreamGuard
  readonly sync?: SyncMode
  readonly durability?: WriteDurability
  /** How records lie in files; the same for the whole life of a stream. */
  readonly format?: StreamFormat
  /** A segment is closed and a new one begun at this size. */
  readonly segmentBytes?: number
}

export interface StreamStats extends StreamBounds {
  readonly bytes: number
  readonly segments: number
}

/** Something in a native stream that is no whole record of ours. */
export interface StreamFault {
  /** An entry of somebody else's, one that cannot be read, or bounds that are gone. */
  readonly kind: 'foreign_entry' | 'corrupted_frame' | 'damaged_manifest'
  /** As the backend names the place. */
  readonly path: string
  /** Offsets that cannot be read, both ends included; absent where none is lost. */
  readonly firstOffset?: number
  readonly lastOffset?: number
  /** In words. */
  readonly detail: string
}

export interface StreamExamination {
  readonly faults: readonly StreamFault[]
  readonly records: number
  readonly bytes: number
}

export interface StreamBroker {
  /** For native streams, which no doctor of ours can read: looks at every record, and tells how many bytes more it saw. */
  examine?(stream: string, progress?: (bytes: number) => void): Promise<StreamExamination>
  /** Moves aside what `examine` found, and makes lost bounds again. */
  repair?(stream: string): Promise<void>
  /** Opens or creates; does little or no I/O. Opening a stream twice in one process shares its writer. */
  open(stream: string, options?: StreamOptions): Promise<RecordStream>
  /** Removes the records and all group state. The name is never used again. */
  delete(stream: string): Promise<void>
}

export interface RecordStream extends Closable {
  /**
   * One atomic batch. What had been stored before, by its ids or its producer's number, is acknowledged again, and comes
   * before `when` is looked at; with `at` ids are kept and not looked for.
   */
  append(batch: RecordBatch, options?: AppendOptions): Promise<AppendResult>
  /** undefined where no batch of it was stored, or so many others spoke since that it was forgotten. */
  producer(id: string): Promise<ProducerState | undefined>
  read(options: ReadOptions): Promise<readonly StreamRecord[]>
  bounds(options?: Cancellable): Promise<StreamBounds>
  stats(): Promise<StreamStats>
  /** Resolves when all that was accepted is as durable as the backend can make it. */
  flush(): Promise<void>
  /** Calls back when records may have been added, here or elsewhere (signals can be lost: read again at least once a second). */
  listen(wake: () => void): () => void
  /** Nothing below `before` is read any more, and whole segments below are dropped. `invalid` past the end, with the maximum. */
  trim(before: number): Promise<void>
  /** Removes from the medium what retention, and compaction by key where it was chosen, no longer keep. Offsets stay. */
  compact(): Promise<CompactionResult>
  /** Ends the stream: later appends are `closed`. */
  seal(): Promise<void>
  group(name: string, options?: GroupPortOptions): Promise<GroupPort>
  groups(): Promise<readonly string[]>
  deleteGroup(name: string): Promise<void>
}

export interface GroupPortOptions {
  /** Where a new group begins; ignored when the group exists. */
  readonly from?: number
  /** How long a delivery is hidden from others. */
  readonly visibilityMs?: number
  /**
   * Fixed when the group is created; another one than stored is `invalid`. `key`: while a record of a key is unacknowledged
   * or waits for its retry, later ones of that key wait, and all other keys go on. Default what is stored, or `none`.
   */
  readonly ordering?: GroupOrdering
  /** So many may be unacknowledged before no new ones are delivered; default 10 000. */
  readonly maxPending?: number
  /** false: `missing` when there is no such group; `new`: `conflict` when there is. */
  readonly create?: boolean | 'new'
}

export type GroupOrdering = 'none' | 'key'

export interface PortDelivery {
  readonly record: StreamRecord
  /** 1 for the first delivery. With the offset it is the handle of this delivery. */
  readonly attempt: number
  readonly deadline: number
  /** Why it was given back last. */
  readonly reason?: string
}

export interface SettleAction {
  readonly offset: number
  readonly attempt: number
  /** ack takes any attempt; nack and extend only the current one, and extend only while it does not rest. */
  readonly action: 'ack' | 'nack' | 'extend'
  /** Of a nack: how long it rests; of an extend: how long it is hidden from others. */
  readonly delayMs?: number
  /** Kept until the next delivery, cut to 1 000 characters. */
  readonly reason?: string
}

export interface SettleResult {
  readonly settled: number
  /** No longer pending, or a later attempt holds it: counted, not an error. */
  readonly ignored: number
}

export interface PendingEntry {
  readonly offset: number
  readonly attempt: number
  readonly consumer: string
  readonly deadline: number
  /** Since it was delivered, extended or given back, ms; 0 for one that was passed over: of a blocked key, or not due. */
  readonly idleMs: number
  readonly reason?: string
}

export interface GroupBounds {
  /** Everything below is acknowledged. */
  readonly committed: number
  /** The next offset to be delivered for the first time. */
  readonly cursor: number
  readonly pending: number
  /** How many were trimmed before they were acknowledged, since the group began. */
  readonly dropped?: number
  /** Set when a recovery dropped records this group had gone past: it was put back from `from` to `to`. */
  readonly rewound?: { readonly from: number; readonly to: number }
}

/** Where a group stood, elsewhere or before. */
export interface GroupPosition {
  /** The next offset to be delivered for the first time; inside the log. */
  readonly cursor: number
  /** Not acknowledged, ascending by offset, all below the cursor. */
  readonly pending: readonly Omit<PendingEntry, 'idleMs'>[]
}

export interface GroupPort {
  /** Deliveries are recorded as attempts before they are returned. Resolves empty when nothing came within `waitMs`. */
  receive(consumer: string, options: ReceiveOptions): Promise<readonly PortDelivery[]>
  /** Resolves when the group's state is stored. */
  settle(actions: readonly SettleAction[]): Promise<SettleResult>
  /** Gives unseen deliveries back, uncounted. */
  release(deliveries: readonly { readonly offset: number; readonly attempt: number }[]): Promise<void>
  claim(consumer: string, options: { readonly minIdleMs: number; readonly limit: number }): Promise<readonly PortDelivery[]>
  pending(options?: { readonly after?: number; readonly limit?: number }): Promise<readonly PendingEntry[]>
  /** Acknowledges everything below `next`; `invalid` past the high-water mark, with the maximum. */
  commit(next: number): Promise<void>
  seek(next: number): Promise<void>
  state(): Promise<GroupBounds>
  /** Puts the group where another one stood, in one step: nobody has what is pending. Absent where only `commit` can do something like it. */
  restore?(position: GroupPosition): Promise<void>
  /** Calls back when something may have become deliverable: a record appended, a key free, a delivery given back here. */
  listen?(wake: () => void): () => void
}

export interface ReceiveOptions extends Cancellable {
  readonly limit: number
  readonly waitMs?: number
}
