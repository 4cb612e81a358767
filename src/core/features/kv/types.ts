// What users of a key-value namespace see. `Shape` maps keys to values; a pattern such as `user:${string}` is a key too.

import type { CodecOption } from '../../codec/codecs.js'
import type { PutCondition } from '../../ports/blob-store.js'
import type { Cancellable, Handle } from '../../ports/options.js'

/** The keys of a shape. */
export type KvKey<Shape> = keyof Shape & string

export interface KvOptions {
  /** How values are written (default `json`); every stored value names its codec, so mixed data stays readable. */
  readonly codec?: CodecOption
}

export interface KvEntry<Value> {
  readonly value: Value
  /** Opaque; another one after every put. For `put(key, value, { when: { version } })`. */
  readonly version: string
  /** Milliseconds since 1970; absent where the value does not expire. */
  readonly expiresAt?: number
}

/** An entry with its key, typed together: narrowing the key narrows the value. */
export type KvItem<Shape> = { [Key in KvKey<Shape>]: KvEntry<Shape[Key]> & { readonly key: Key } }[KvKey<Shape>]

export interface KvPutOptions extends Cancellable {
  /** Only when there is no live value (`absent`), or only when the stored one still has this version; else `conflict`. */
  readonly when?: PutCondition
  /** Milliseconds from now after which the value is gone; more than 0. */
  readonly ttlMs?: number
}

export interface KvUpdateOptions extends Cancellable {
  /** Milliseconds from now; default: the value keeps the expiry it had. */
  readonly ttlMs?: number
}

export interface KvListOptions extends Cancellable {
  readonly prefix?: string
  /** Begins behind this key in the direction of the listing. */
  readonly after?: string
  /** A whole number, 0 or more; default Infinity. */
  readonly limit?: number
  /** From the last key to the first; reads all keys of the prefix before the first result. */
  readonly reverse?: boolean
}

/**
 * One namespace of keys. Keys are 1 to 255 UTF-8 bytes without NUL or lone surrogates (`invalid` otherwise). Calls after
 * `close()` are `closed`; stored bytes that are damaged are `corrupt` and name the key; an aborted signal rejects with
 * its reason.
 */
export interface Kv<Shape> extends Handle {
  /** The value; undefined where there is none or it has expired. */
  get<Key extends KvKey<Shape>>(key: Key, options?: Cancellable): Promise<Shape[Key] | undefined>
  /** The value with its version and expiry. */
  entry<Key extends KvKey<Shape>>(key: Key, options?: Cancellable): Promise<KvEntry<Shape[Key]> | undefined>
  /**
   * Stores the value as it is at the time of the call. With `when`: `conflict` when the condition fails, `unsupported`
   * where the backend cannot compare and set. `invalid` for a value that the codec cannot return equal or that is larger
   * than the backend takes.
   */
  put<Key extends KvKey<Shape>>(key: Key, value: Shape[Key], options?: KvPutOptions): Promise<{ readonly version: string }>
  /**
   * Changes the value by compare-and-set and resolves to what is stored then. `change` gets undefined where there is no
   * value, and may run several times; undefined from it deletes. `unsupported` where the backend cannot compare and set,
   * `unavailable` when too many others changed the key at once, or when an answer was lost and another writer came
   * in between, so that it cannot be told whether the change was applied.
   */
  update<Key extends KvKey<Shape>>(
    key: Key,
    change: (value: Shape[Key] | undefined) => Shape[Key] | undefined | Promise<Shape[Key] | undefined>,
    options?: KvUpdateOptions,
  ): Promise<Shape[Key] | undefined>
  /**
   * Removes the key whatever its version: of a delete and a put at the same time either may win. To delete only what was
   * seen, use `update` and return undefined.
   */
  delete(key: KvKey<Shape>, options?: Cancellable): Promise<void>
  /** Live entries in the order of the keys' UTF-8 bytes. Each is read as the iteration comes to it: no snapshot of the whole. */
  list(options?: KvListOptions): AsyncIterable<KvItem<Shape>>
  /** Live keys in the order of their UTF-8 bytes. */
  keys(options?: KvListOptions): AsyncIterable<KvKey<Shape>>
  /** Deletes all keys, or those with the prefix. Keys put meanwhile may stay. */
  clear(options?: { readonly prefix?: string } & Cancellable): Promise<void>
}
