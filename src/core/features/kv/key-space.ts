// The blob keys of one namespace, and their listing as users' keys.

import { StorageError } from '../../base/errors.js'
import { checkName, escapeName, keyComponent, unescapeName } from '../../base/key.js'
import type { BlobStore } from '../../ports/blob-store.js'
import type { Cancellable } from '../../ports/options.js'

const KEY_LETTER = 'k'

interface KeyRange extends Cancellable {
  readonly prefix?: string
  readonly after?: string
  readonly reverse?: boolean
}

/** A user's key and where it is stored. */
export interface PlacedKey {
  readonly key: string
  readonly blobKey: string
}

export function namespacePath(namespace: string): string {
  return `kv/${keyComponent('n', namespace)}`
}

export class KeySpace {
  readonly #blobs: BlobStore
  readonly #root: string

  constructor(blobs: BlobStore, namespace: string) {
    this.#blobs = blobs
    this.#root = `${namespacePath(namespace)}/${KEY_LETTER}`
  }

  /** Throws `invalid` for what is no key, or is too long once it is escaped. */
  place(key: string): string {
    checkName('key', key)
    const blobKey = this.#root + escapeName(key)
    const { maxKeyBytes } = this.#blobs.traits
    if (blobKey.length > maxKeyBytes) {
      const facts = { bytes: blobKey.length, maxKeyBytes }
      throw new StorageError('invalid', 'the stored form of a key is too long for this backend', { key, facts })
    }
    return blobKey
  }

  /** Keys in the order of their UTF-8 bytes, which the escaping keeps. */
  async *list(range: KeyRange): AsyncGenerator<PlacedKey> {
    const { prefix = '', after, reverse = false, signal } = range
    if (prefix !== '') checkName('prefix', prefix)
    if (after !== undefined) checkName('key', after)
    const bound = after === undefined ? undefined : this.#root + escapeName(after)
    const options = { prefix: this.#root + escapeName(prefix), ...(signal === undefined ? {} : { signal }) }
    if (reverse) yield* this.#backwards(options, bound)
    else for await (const { key } of this.#blobs.list(bound === undefined ? options : { ...options, after: bound })) yield this.#named(key)
  }

  async *#backwards(options: { prefix: string }, bound: string | undefined): AsyncGenerator<PlacedKey> {
    const found: string[] = []
    for await (const { key } of this.#blobs.list(options)) {
      if (bound !== undefined && key >= bound) break
      found.push(key)
    }
    for (const key of found.reverse()) yield this.#named(key)
  }

  #named(blobKey: string): PlacedKey {
    return { key: unescapeName(blobKey.slice(this.#root.length)), blobKey }
  }
}
