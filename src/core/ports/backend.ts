// The narrow waist: an adapter is a folder that returns one of these. Presence is the capability.

import type { BlobStore } from './blob-store.js'
import type { FileStore } from './file-store.js'
import type { LockManager } from './lock-manager.js'
import type { Closable, Durability } from './options.js'
import type { SignalBus } from './signal-bus.js'
import type { SqlDatabase } from './sql-database.js'
import type { StreamBroker } from './stream-broker.js'

/** What a person should know of the place where the data lies. */
export interface StorageHealth {
  readonly backend: string
  /** Where: a directory, a database name, a bucket binding. */
  readonly location: string
  /** Why this backend was chosen, in a sentence. */
  readonly chosen: string
  /** True: the platform promised not to evict; false: it may; undefined: the question makes no sense here. */
  readonly persisted?: boolean
  /** True when the data dies with the process or the page. */
  readonly ephemeral: boolean
  /** The strongest durability that a write can have here. */
  readonly durability: Durability
  /** The most that may be stored here, where the platform or the caller sets a limit. */
  readonly quotaBytes?: number
  /** What is stored here takes so much: in a browser all of the origin, which shares the quota, else this store alone. */
  readonly usedBytes?: number
  /** What the disk has left, for this store and for everything else on it. */
  readonly freeBytes?: number
  /** What would notice a silent wipe by the platform; `none` is an honest answer. */
  readonly wipeGuard: string
  /** Milliseconds since 1970 of the last write that became durable through this object. */
  readonly lastDurableWrite?: number
  readonly warnings: readonly string[]
}

export interface Backend extends Closable {
  /** For errors and traces: `indexeddb`, `node-fs`. */
  readonly name: string
  readonly blobs: BlobStore
  readonly files?: FileStore
  readonly streams?: StreamBroker
  readonly locks?: LockManager
  readonly signals?: SignalBus
  readonly sql?: SqlDatabase
  /**
   * True where nothing may outlive the call that began it (a Worker's promises, timers and I/O belong to one request):
   * no background work, and `sync: { everyMs }` is `unsupported`.
   */
  readonly requestScoped?: boolean
  /** For one that is observed: told when a request to `blobs` is about to be made again, for the `attempt`-th time. */
  retried?(operation: 'get' | 'put' | 'delete' | 'list', attempt: number): void
  health(): Promise<StorageHealth>
  /** First flushes and closes all that was opened on it. */
  close(): Promise<void>
}
