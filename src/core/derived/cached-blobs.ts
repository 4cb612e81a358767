// A blob store in front of which a cache lies: blobs that never change are read out of it as far as it has them. All that can
// change, and every listing, comes from the store itself.

import { inParallel } from '../base/in-parallel.js'
import type { BlobInfo, BlobStore, BlobTraits, BlobWrite, ListOptions, PutOptions, StoredBlob } from '../ports/blob-store.js'
import type { ByteRange, Cancellable, WriteOptions } from '../ports/options.js'
import type { BlockCache } from './block-cache.js'
import { type Block, BLOCK_BYTES } from './cached-block.js'

const READS = 8

interface GetOptions extends Cancellable {
  readonly range?: ByteRange
}

export interface CachedBlobsOptions {
  readonly store: BlobStore
  readonly cache: BlockCache
  /** Whether a blob of that key never changes while it is there. */
  readonly isFixed: (key: string) => boolean
  /** False: it is only told what was put and deleted. */
  readonly isRead: boolean
}

export class CachedBlobs implements BlobStore {
  readonly traits: BlobTraits
  readonly batch?: (writes: readonly BlobWrite[], options?: WriteOptions) => Promise<void>
  readonly #store: BlobStore
  readonly #cache: BlockCache
  readonly #isFixed: (key: string) => boolean
  readonly #isRead: boolean

  constructor({ store, cache, isFixed, isRead }: CachedBlobsOptions) {
    this.traits = store.traits
    this.#store = store
    this.#cache = cache
    this.#isFixed = isFixed
    this.#isRead = isRead
    if (store.batch !== undefined) this.batch = (writes, options) => this.#batch(writes, options)
  }

  async get(key: string, options: GetOptions = {}): Promise<StoredBlob | undefined> {
    options.signal?.throwIfAborted()
    if (!this.#isRead || !this.#isFixed(key) || !this.#cache.isTrusted(key)) return await this.#store.get(key, options)
    const start = options.range?.start ?? 0
    const first = await this.#cache.read(key, Math.floor(start / BLOCK_BYTES))
    options.signal?.throwIfAborted()
    return first === undefined ? await this.#fetch(key, options) : await this.#complete(key, first, options)
  }

  async put(key: string, bytes: Uint8Array, options?: PutOptions): Promise<BlobInfo> {
    const info = await this.#store.put(key, bytes, options)
    if (this.#isFixed(key)) await this.#cache.store({ ...info, start: 0, data: bytes })
    return info
  }

  async delete(keys: readonly string[], options?: Cancellable): Promise<void> {
    await this.#store.delete(keys, options)
    await this.#forget(keys)
  }

  list(options?: ListOptions): AsyncIterable<BlobInfo> {
    return this.#store.list(options)
  }

  async #batch(writes: readonly BlobWrite[], options: WriteOptions | undefined): Promise<void> {
    await this.#store.batch?.(writes, options)
    await this.#forget(writes.map(({ key }) => key))
  }

  async #forget(keys: readonly string[]): Promise<void> {
    const fixed = keys.filter(this.#isFixed)
    if (fixed.length > 0) await this.#cache.forget(fixed)
  }

  /** All of it from the store, in whole blocks. */
  async #fetch(key: string, { range, ...options }: GetOptions): Promise<StoredBlob | undefined> {
    const asked = range === undefined ? undefined : aligned(range)
    const found = await this.#store.get(key, asked === undefined ? options : { ...options, range: asked })
    if (found === undefined) return undefined
    const from = asked?.start ?? 0
    await this.#cache.store({ ...found, start: from })
    return range === undefined ? found : { ...found, data: part(found.data, from, range) }
  }

  /** The first block is there: the rest from the cache too, and from the store what lies between the first and the last gap. */
  async #complete(key: string, head: Block, options: GetOptions): Promise<StoredBlob | undefined> {
    const { start, end } = options.range ?? { start: 0, end: head.blobBytes }
    const range = { start, end: Math.max(start, Math.min(end, head.blobBytes)) }
    const first = Math.floor(start / BLOCK_BYTES)
    const blocks = await this.#blocks(key, head, { first, count: Math.max(1, Math.ceil(range.end / BLOCK_BYTES) - first) })
    options.signal?.throwIfAborted()
    const gap = gapIn(blocks)
    if (gap !== undefined && !(await this.#fill(key, blocks, { first, ...gap }, options))) return await this.#fetch(key, options)
    if (!blocks.every((block) => isOfOne(block, head))) {
      await this.#cache.forget([key])
      return await this.#store.get(key, options)
    }
    const data = joined(blocks as readonly Block[], range, first * BLOCK_BYTES)
    return { key, bytes: head.blobBytes, version: head.version, data }
  }

  async #blocks(
    key: string,
    head: Block,
    { first, count }: { readonly first: number; readonly count: number },
  ): Promise<(Block | undefined)[]> {
    const blocks: (Block | undefined)[] = Array.from({ length: count }, (_, at) => (at === 0 ? head : undefined))
    await inParallel([...blocks.keys()].slice(1), READS, async (at) => {
      blocks[at] = await this.#cache.read(key, first + at)
    })
    return blocks
  }

  /** False where the blob is not there any more, or shorter than was said. */
  async #fill(
    key: string,
    blocks: (Block | undefined)[],
    { first, from, to }: { readonly first: number; readonly from: number; readonly to: number },
    { signal }: GetOptions,
  ): Promise<boolean> {
    const start = (first + from) * BLOCK_BYTES
    const range = { start, end: (first + to) * BLOCK_BYTES }
    const found = await this.#store.get(key, signal === undefined ? { range } : { range, signal })
    if (found === undefined || found.data.length < Math.min(range.end, found.bytes) - start) return false
    await this.#cache.store({ ...found, start })
    const { bytes: blobBytes, version, data } = found
    for (let at = from; at < to; at++) {
      const offset = (at - from) * BLOCK_BYTES
      blocks[at] = { blobBytes, version, data: data.subarray(offset, offset + BLOCK_BYTES) }
    }
    return true
  }
}

function aligned({ start, end }: ByteRange): ByteRange {
  return {
    start: Math.floor(start / BLOCK_BYTES) * BLOCK_BYTES,
    end: Math.ceil(Math.max(start + 1, end) / BLOCK_BYTES) * BLOCK_BYTES,
  }
}

/** Of bytes that begin at `from`. */
function part(bytes: Uint8Array, from: number, { start, end }: ByteRange): Uint8Array {
  return bytes.subarray(start - from, Math.max(start, end) - from)
}

/** From the first block that is not there to behind the last one. */
function gapIn(blocks: readonly (Block | undefined)[]): { readonly from: number; readonly to: number } | undefined {
  const from = blocks.indexOf(undefined)
  return from < 0 ? undefined : { from, to: blocks.lastIndexOf(undefined) + 1 }
}

/** Two stores never give the same name to two blobs; one that was put again under its name has another version. */
function isOfOne(block: Block | undefined, head: Block): boolean {
  return block?.version === head.version && block.blobBytes === head.blobBytes
}

function joined(blocks: readonly Block[], range: ByteRange, from: number): Uint8Array {
  const [only, ...more] = blocks
  if (only !== undefined && more.length === 0) return part(only.data, from, range)
  const bytes = new Uint8Array(range.end - range.start)
  for (const [at, { data }] of blocks.entries()) {
    const begin = from + at * BLOCK_BYTES
    const skipped = Math.max(0, range.start - begin)
    bytes.set(data.subarray(skipped, Math.max(skipped, range.end - begin)), begin + skipped - range.start)
  }
  return bytes
}
