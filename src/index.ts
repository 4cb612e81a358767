export { isStorageError, StorageError, type StorageErrorCode, type StorageErrorOptions } from './core/base/errors.js'
export type { Clock } from './core/base/clock.js'
export type { AddToSpan, Trace, TraceAttributes } from './core/base/trace.js'
export type { Codec, Json } from './core/codec/codec.js'
export type { BuiltInCodec, CodecOption } from './core/codec/codecs.js'
export type { Compression, CompressionLevel, CompressionName, CompressionOption } from './core/codec/compression.js'
export type { EncryptionSecret, PassphraseHash } from './core/codec/secret.js'
export { encrypted, type EncryptedOptions } from './core/derived/encrypted.js'
export { addSecret, changeSecret, removeSecret, rotateKey, type SecretOptions } from './core/derived/encrypted-secrets.js'
export type { Store, StoreMode } from './core/derived/store-context.js'
export {
  checkArchive,
  type ArchiveBucket,
  type ArchivedQueueSummary,
  type ArchiveReport,
  type CheckArchiveOptions,
} from './core/compose/archive/check-archive.js'
export { exportAll, type ArchiveGap, type ArchiveProgress, type ExportOptions } from './core/compose/archive/export-all.js'
export {
  importAll,
  type ArchiveSource,
  type ImportedNamespace,
  type ImportedQueue,
  type ImportOptions,
  type ImportReport,
  type OnExisting,
} from './core/compose/archive/import-all.js'
export { checkOnStart, type StartCheck, type StartCheckOptions } from './core/compose/check-on-start.js'
export { copyQueue, type CopyQueueOptions, type QueuePlace } from './core/compose/copy-queue.js'
export { returnDeadLetters, type ReturnDeadLettersOptions, type ReturnReport } from './core/compose/dead-letters.js'
export { outbox, sendOutbox } from './core/compose/outbox.js'
export type { Connectivity } from './core/compose/connectivity.js'
export type { Outbox, OutboxOptions, OutboxState, OutboxStatus, Send, SendContext, SendReport } from './core/compose/outbox-types.js'
export {
  openEventRecords,
  type AuditInput,
  type AuditRecord,
  type DeadLetterInput,
  type DeadLetterRecord,
  type EventInput,
  type EventRecord,
  type EventRecords,
  type EventRecordsOptions,
  type RecordQueueOptions,
} from './core/compose/event-records.js'
export { recover, type Quarantine, type RecoverOptions, type RecoveryReport } from './core/compose/recover.js'
export {
  replicate,
  type BucketReplication,
  type QueueReplication,
  type ReplicateOptions,
  type ReplicationProgress,
  type ReplicationReport,
  type SkippedOffsets,
} from './core/compose/replicate.js'
export {
  scan,
  type Anomaly,
  type AnomalyKind,
  type ScanOptions,
  type ScanProgress,
  type ScanReport,
  type StoreAnomaly,
  type StoreNotice,
} from './core/compose/scan.js'
export {
  toAppend,
  toDelete,
  toPut,
  transaction,
  type AppendOperation,
  type DeleteOperation,
  type PutOperation,
  type TransactionOperation,
  type TransactionPutOptions,
  type TransactionResult,
} from './core/compose/transaction.js'
export { openKv } from './core/features/kv/open-kv.js'
export type { Kv, KvEntry, KvItem, KvKey, KvListOptions, KvOptions, KvPutOptions, KvUpdateOptions } from './core/features/kv/types.js'
export { deadLetterOf, type DeadLetter } from './core/features/queue/dead-letter.js'
export { openQueue } from './core/features/queue/open-queue.js'
export { deleteQueue, queues } from './core/features/queue/queues.js'
export type { SchemaIssue, SchemaResult, StandardSchema, VersionedSchema } from './core/features/queue/schema.js'
export type {
  MarkedBatch,
  Marks,
  MarksLag,
  MarksOptions,
  RankShare,
  ReadyRecord,
  RecordPlace,
  Sampler,
  TakeOptions,
} from './core/features/queue/marks-types.js'
export { rankAwareSampler, sequentialSampler } from './core/features/queue/samplers.js'
export type { BucketOffsets, QueueReader, ReadBatchOptions, ReaderOptions, ReadNextOptions } from './core/features/queue/reader-types.js'
export type { PartialAppend } from './core/features/queue/append-error.js'
export type {
  ClaimOptions,
  ConsumeOptions,
  Delivery,
  FailureVerdict,
  Group,
  GroupLag,
  GroupOptions,
  NackOptions,
  PendingOptions,
  PendingRecord,
  ProcessOptions,
  ProcessResult,
  ReceiveRecordsOptions,
} from './core/features/queue/group-types.js'
export type {
  AppendRecordOptions,
  BucketStats,
  CompactionReport,
  Position,
  Queue,
  QueueEvent,
  QueueOptions,
  QueueStats,
  ReadRecordsOptions,
  Receipt,
  RecordInput,
  RecordSaid,
  StoredRecord,
  TailOptions,
  TransactionAppendOptions,
} from './core/features/queue/types.js'
export type { QueueWriter, WriteOptions, WriterOptions } from './core/features/queue/writer-types.js'
export type { SnapshotExportOptions, SnapshotImportOptions, SnapshotImportReport } from './core/features/snapshots/archive-types.js'
export { openSnapshots } from './core/features/snapshots/open-snapshots.js'
export type {
  LazySnapshot,
  LoadOptions,
  LoadPathOptions,
  LostPart,
  PatchOperation,
  Salvaged,
  StatePath,
} from './core/features/snapshots/read-types.js'
export type { KeptSnapshot, PruneOptions, PrunePolicy, PruneReport } from './core/features/snapshots/retention-types.js'
export type {
  AutoOptions,
  AutoSave,
  ByteSource,
  PartialSave,
  ProgressListener,
  SaveDetails,
  SaveItem,
  SaveManyOptions,
  SaveOptions,
  SaveState,
  SaveStream,
  SnapshotProgress,
} from './core/features/snapshots/save-types.js'
export type { Snapshots } from './core/features/snapshots/snapshots.js'
export type {
  BranchRef,
  ForkTarget,
  SessionRef,
  SnapshotCache,
  SnapshotChange,
  SnapshotFilter,
  SnapshotInfo,
  SnapshotsOptions,
  SubscribeOptions,
} from './core/features/snapshots/types.js'
export type {
  CollectOptions,
  CollectReport,
  CopyOptions,
  CopyReport,
  RepairOptions,
  RepairReport,
  SnapshotProblem,
  SnapshotReport,
  VerifyLevel,
  VerifyOptions,
} from './core/features/snapshots/upkeep-types.js'
export type { Backend, StorageHealth } from './core/ports/backend.js'
export type { Durability, WriteDurability } from './core/ports/options.js'
export type { DedupeWindow, GroupOrdering, RetentionPolicy, SettleResult, SyncMode } from './core/ports/stream-broker.js'
export { destroy, openStore, type OpenStoreOptions } from './open-store.js'
