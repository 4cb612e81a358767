// Names in keys, hidden: below a prefix a key's components are replaced by keyed hashes of them, which nobody can guess names
// by. Listings give the hashed keys, and those are taken as they are: who wants the names finds them in the blobs.

import { toHex } from '../base/bytes.js'
import { boundOf } from '../codec/cipher.js'
import { hmacSha256 } from '../codec/hash.js'
import type { BlobInfo, BlobStore, BlobTraits, BlobWrite, ListOptions, PutOptions, StoredBlob } from '../ports/blob-store.js'
import type { ByteRange, Cancellable, WriteOptions } from '../ports/options.js'
import type { EncryptedKeys } from './encrypted-keys.js'
import { setStoredBlobs, storedBlobs } from './stored-blobs.js'

/** Letter of a component that is hashed already; names have others. */
const HASHED = 'h'
const HASH_BYTES = 20
const MOST_REMEMBERED = 4_096

export class HiddenNames implements BlobStore {
  readonly traits: BlobTraits
  readonly #below: BlobStore
  readonly #keys: EncryptedKeys
  readonly #prefix: string
  readonly #remembered = new Map<string, string>()

  constructor(below: BlobStore, keys: EncryptedKeys, prefix: string) {
    this.traits = below.traits
    this.#below = below
    this.#keys = keys
    this.#prefix = prefix
    const stored = storedBlobs(below)
    setStoredBlobs(this, {
      get: async (key, options) => await stored.get(await this.#hide(key), options),
      put: async (key, bytes, options) => await stored.put(await this.#hide(key), bytes, options),
    })
  }

  async get(key: string, options?: { readonly range?: ByteRange; readonly signal?: AbortSignal }): Promise<StoredBlob | undefined> {
    if (this.#isNamed(key) && (await this.#keys.opened()) === undefined) return undefined
    const blob = await this.#below.get(await this.#hide(key), options)
    return blob === undefined ? undefined : { ...blob, key }
  }

  async put(key: string, bytes: Uint8Array, options?: PutOptions): Promise<BlobInfo> {
    options?.signal?.throwIfAborted()
    return { ...(await this.#below.put(await this.#hide(key), bytes, options)), key }
  }

  async delete(keys: readonly string[], options?: Cancellable): Promise<void> {
    options?.signal?.throwIfAborted()
    await this.#below.delete(await Promise.all(keys.map((key) => this.#hide(key))), options)
  }

  async *list(options: ListOptions = {}): AsyncGenerator<BlobInfo> {
    const { prefix = '', after } = options
    if (this.#isNamed(prefix) && (await this.#keys.opened()) === undefined) return
    const hidden = { ...options, prefix: await this.#hide(prefix) }
    yield* this.#below.list(after === undefined ? hidden : { ...hidden, after: await this.#hide(after) })
  }

  async batch(writes: readonly BlobWrite[], options?: WriteOptions): Promise<void> {
    const hidden = await Promise.all(writes.map(async (write) => ({ ...write, key: await this.#hide(write.key) })))
    await this.#below.batch?.(hidden, options)
  }

  #isNamed(key: string): boolean {
    return key.startsWith(this.#prefix) && key.length > this.#prefix.length && key[this.#prefix.length] !== HASHED
  }

  /** A component stands for all before it too, so that equal names in two places differ. */
  async #hide(key: string): Promise<string> {
    if (!this.#isNamed(key)) return key
    const components = key.slice(this.#prefix.length).split('/')
    const hidden = components.map((_, at) => this.#hash(components.slice(0, at + 1)))
    return this.#prefix + (await Promise.all(hidden)).join('/')
  }

  async #hash(path: readonly string[]): Promise<string> {
    if (path.at(-1) === '') return ''
    const name = path.join('/')
    const known = this.#remembered.get(name)
    if (known !== undefined) return known
    const { names } = await this.#keys.made()
    const hash = HASHED + toHex((await hmacSha256(names, boundOf('name', ...path))).subarray(0, HASH_BYTES))
    if (this.#remembered.size >= MOST_REMEMBERED) this.#remembered.clear()
    this.#remembered.set(name, hash)
    return hash
  }
}
