// The segments of a log of chunks: blobs with the bytes of a closed segment file, footer included. Made, opened, deleted
// here; what they mean together stands in the manifest.

import { concatBytes, equalBytes } from '../base/bytes.js'
import { isStorageError } from '../base/errors.js'
import { newSalt } from '../codec/envelope.js'
import type { BlobStore } from '../ports/blob-store.js'
import { binaryFormat } from './binary-format.js'
import { BlobSource } from './blob-source.js'
import type { WholeFrame } from './log.js'
import type { SealedEnd, SealedSegment } from './log-manifest.js'
import { SALT_BYTES, segmentName } from './segment.js'
import { SegmentBuilder } from './segment-builder.js'
import { framesOf } from './segment-frames.js'
import { SegmentReader } from './segment-reader.js'
import { SegmentReaders } from './segment-readers.js'

/** Nobody owns a log of chunks, so its epoch never rises. */
export const CHUNK_EPOCH = 1
const SMALL_BYTES = 256 * 1024

export interface ChunkSegmentsOptions {
  readonly blobs: BlobStore
  /** Prefix of the log's blobs. */
  readonly path: string
  readonly place: number
}

export interface NewChunkSegment {
  readonly sequence: number
  readonly base: number
  readonly createdAt: number
  readonly sealedAt: number
  /** Where it ends, and the greatest timestamp, although the last records may be gone. */
  readonly next: number
  readonly timestamp: number
}

/** A segment as bytes that still need a name and a place. */
export interface BuiltSegment extends Pick<SealedSegment, 'base' | 'createdAt' | 'closed'> {
  readonly salt: Uint8Array
  readonly bytes: Uint8Array
}

export class ChunkSegments {
  readonly #options: ChunkSegmentsOptions
  readonly #readers = new SegmentReaders()
  #keeping: BlobSource | undefined

  constructor(options: ChunkSegmentsOptions) {
    this.#options = options
  }

  reader(entry: SealedSegment): Promise<SegmentReader> {
    return this.#readers.get(entry.name, async () => this.#open(entry))
  }

  /** All its frames with records, checked. */
  async *frames(entry: SealedSegment): AsyncGenerator<WholeFrame> {
    yield* framesOf(await this.reader(entry), entry.closed.length, this.path(entry.name))
  }

  async build(segment: NewChunkSegment, frames: AsyncIterable<WholeFrame>): Promise<BuiltSegment> {
    const { sequence, base, createdAt, sealedAt, next, timestamp } = segment
    const { place } = this.#options
    const salt = newSalt(SALT_BYTES)
    const state = { kind: 'state', durable: next, bootId: null } as const
    const builder = new SegmentBuilder({
      ...{ format: binaryFormat, sequence, baseOffset: base, createdAt },
      ...{ salt, epoch: CHUNK_EPOCH, previousChain: 0, place, state },
    })
    const parts = [builder.begin()]
    for await (const { bytes, header } of frames) parts.push(builder.frame(bytes, header))
    const { footer, end } = builder.finish(next)
    parts.push(footer)
    const closed: SealedEnd = { ...end, timestamp, sealedAt, footer: footer.length }
    return { base, createdAt, closed, salt, bytes: concatBytes(parts) }
  }

  /** Stores it as the one with this number, durable before anything names it. A second try has another salt, so another name. */
  async store({ base, createdAt, closed, salt, bytes }: BuiltSegment, sequence: number): Promise<SealedSegment> {
    const name = segmentName({ sequence, epoch: CHUNK_EPOCH }, salt)
    await this.#put(this.path(name), bytes)
    return { name, sequence, base, createdAt, closed }
  }

  /** The name was never used before: what is there already is this put, asked twice on its way. */
  async #put(path: string, bytes: Uint8Array): Promise<void> {
    const { blobs } = this.#options
    try {
      await blobs.put(path, bytes, { when: 'absent', durability: 'strict' })
    } catch (error) {
      const found = isStorageError(error, 'conflict') ? await blobs.get(path) : undefined
      if (found === undefined || !equalBytes(found.data, bytes)) throw error
    }
  }

  /** Readers in flight find them gone, and look into the manifest again. */
  async delete(names: readonly string[]): Promise<void> {
    if (names.length === 0) return
    for (const name of names) await this.#readers.retire(name)
    await this.#options.blobs.delete(names.map((name) => this.path(name)))
  }

  /** Those that a crash left before they were entered, or before they were deleted: numbers up to `sequence` that are not listed. */
  async sweep(listed: readonly SealedSegment[], sequence: number): Promise<void> {
    const known = new Set(listed.map(({ name }) => name))
    const prefix = this.path('')
    const garbage: string[] = []
    for await (const { key } of this.#options.blobs.list({ prefix })) {
      const name = key.slice(prefix.length)
      if (!known.has(name) && Number.parseInt(name, 10) <= sequence) garbage.push(name)
    }
    await this.delete(garbage)
  }

  close(): Promise<void> {
    return this.#readers.retireAll()
  }

  path(name: string): string {
    return `${this.#options.path}/seg/${name}`
  }

  #open({ name, base, closed }: SealedSegment): SegmentReader {
    const { blobs, place } = this.#options
    const path = this.path(name)
    const size = closed.length + closed.footer
    const isWhole = blobs.traits.durable !== 'remote' || size <= SMALL_BYTES
    const source: BlobSource = new BlobSource({ blobs, key: path, size, isWhole, onKeep: () => this.#keep(source) })
    return new SegmentReader({ format: binaryFormat, source, base, place, path, hasFooter: closed.footer > 0 })
  }

  /** Only one keeps its bytes. */
  #keep(source: BlobSource): void {
    if (this.#keeping !== source) this.#keeping?.release()
    this.#keeping = source
  }
}
