// The one port that every backend has: named, bounded byte values with an ordered listing.
// Bytes and not streams, because KV, D1 and IndexedDB all want bounded values. No copy, rename, head or
// metadata: each is missing somewhere.

import type { ByteRange, Cancellable, Durability, WriteOptions } from './options.js'

export interface BlobTraits {
  /** True when `when` is honoured atomically, also against other processes, tabs and Workers. */
  readonly conditionalPut: boolean
  /** `strong`: a read sees every write that resolved before it; `eventual`: it may not, for a minute or more. */
  readonly consistency: 'strong' | 'eventual'
  /** What a resolved `put` with the default durability means. */
  readonly durable: Durability
  readonly maxBlobBytes: number
  readonly maxKeyBytes: number
  /** Where the platform limits writes to one key. */
  readonly writesPerKeyPerSecond?: number
  /** How large a blob of many small pieces is best made; default 4 MiB. Never above `maxBlobBytes`. */
  readonly packBytes?: number
}

export interface BlobInfo {
  readonly key: string
  readonly bytes: number
  /** Opaque, different after every put that changed the bytes. */
  readonly version: string
}

export interface StoredBlob extends BlobInfo {
  /** The whole blob, or the range that was asked for; `bytes` (inherited) is always the whole blob's size. */
  readonly data: Uint8Array
}

export type PutCondition = 'absent' | { readonly version: string }

export interface PutOptions extends WriteOptions {
  readonly when?: PutCondition
  /** Milliseconds since 1970; a hint to backends that expire by themselves, core checks expiry too. */
  readonly expiresAt?: number
}

export type BlobWrite =
  | { readonly key: string; readonly put: Uint8Array; readonly when?: PutCondition; readonly expiresAt?: number }
  | { readonly key: string; readonly delete: true; readonly when?: PutCondition }
  | { readonly key: string; readonly check: PutCondition }

export interface ListOptions extends Cancellable {
  readonly prefix?: string
  /** Only keys greater than this one. */
  readonly after?: string
}

/**
 * Keys are opaque to adapters: lower-case ASCII out of `0-9 a-z - _ ~ . /`, at most `maxKeyBytes`.
 * Errors are StorageErrors: `conflict` when a condition fails, `quota`, `denied`, `unavailable`, `closed`.
 */
export interface BlobStore {
  readonly traits: BlobTraits
  /** The blob, or undefined. A range past the end gives fewer bytes, never an error. */
  get(key: string, options?: { readonly range?: ByteRange; readonly signal?: AbortSignal }): Promise<StoredBlob | undefined>
  /** Atomic: readers see the old bytes or the new ones. The bytes may be reused by the caller once the promise settles. */
  put(key: string, bytes: Uint8Array, options?: PutOptions): Promise<BlobInfo>
  /** Unconditional, idempotent: only for names that are never used again. */
  delete(keys: readonly string[], options?: Cancellable): Promise<void>
  /** Ascending by key (byte order), pages itself. */
  list(options?: ListOptions): AsyncIterable<BlobInfo>
  /** All or nothing. */
  batch?(writes: readonly BlobWrite[], options?: WriteOptions): Promise<void>
}
