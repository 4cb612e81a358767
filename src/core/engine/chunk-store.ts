// The chunks of one log: blobs by number, each with whole frames. Numbers are dense and never used again.

import { StorageError } from '../base/errors.js'
import { FRAME_HEADER_BYTES, frameError, type FrameHeader } from '../codec/frame.js'
import type { BlobStore } from '../ports/blob-store.js'
import { CHUNK_HEADER_BYTES, decodeChunk } from './chunk.js'
import type { FrameBlock } from './log.js'

const DELETE_AT_ONCE = 500

export interface ChunkStoreOptions {
  readonly blobs: BlobStore
  /** Prefix of the log's blobs. */
  readonly path: string
  readonly salt: Uint8Array
}

export interface ListedChunk {
  readonly chunk: number
  readonly bytes: number
}

export class ChunkStore {
  readonly #options: ChunkStoreOptions
  readonly #prefix: string

  constructor(options: ChunkStoreOptions) {
    this.#options = options
    this.#prefix = `${options.path}/log/`
  }

  key(chunk: number): string {
    return `${this.#prefix}${String(chunk).padStart(20, '0')}`
  }

  async find(chunk: number): Promise<FrameBlock | undefined> {
    const key = this.key(chunk)
    const blob = await this.#options.blobs.get(key)
    if (blob === undefined) return undefined
    const block = decodeChunk(blob.data, this.#options.salt, key)
    // Every chunk before it holds a record at least.
    if ((block.frames[0] as FrameHeader).baseOffset < chunk) throw frameError('offset', { key })
    return block
  }

  /** `missing` when it is not there. */
  async get(chunk: number): Promise<FrameBlock> {
    const block = await this.find(chunk)
    if (block === undefined) throw this.#missing(chunk)
    return block
  }

  /** Its first offset, from its first bytes. `missing` when it is not there. */
  async base(chunk: number): Promise<number> {
    const { blobs, salt } = this.#options
    const key = this.key(chunk)
    const blob = await blobs.get(key, { range: { start: 0, end: CHUNK_HEADER_BYTES + FRAME_HEADER_BYTES } })
    if (blob === undefined) throw this.#missing(chunk)
    return (decodeChunk(blob.data, salt, key, false).frames[0] as FrameHeader).baseOffset
  }

  /** From a number on, ascending. */
  async *list(from: number): AsyncGenerator<ListedChunk> {
    const after = from === 0 ? this.#prefix : this.key(from - 1)
    for await (const { key, bytes } of this.#options.blobs.list({ prefix: this.#prefix, after })) {
      yield { chunk: Number(key.slice(this.#prefix.length)), bytes }
    }
  }

  /** All below a number, oldest first. */
  async deleteBelow(before: number): Promise<void> {
    const keys: string[] = []
    for await (const { chunk } of this.list(0)) {
      if (chunk >= before) break
      keys.push(this.key(chunk))
    }
    for (let at = 0; at < keys.length; at += DELETE_AT_ONCE) await this.#options.blobs.delete(keys.slice(at, at + DELETE_AT_ONCE))
  }

  #missing(chunk: number): StorageError {
    return new StorageError('missing', 'a chunk of the log is missing', { key: this.key(chunk) })
  }
}
