// Finds records by offset, time and size in a log that lies in segments first and in chunks behind them. `missing` where
// something is not where the manifest that is known says.

import type { StorageError } from '../base/errors.js'
import { type FrameHeader, frameError } from '../codec/frame.js'
import { isBehind } from './chunk.js'
import type { ChunkIndex, ChunkPlace } from './chunk-index.js'
import type { ChunkEnd, ManifestCell } from './chunk-manifest.js'
import type { ChunkSegments } from './chunk-segments.js'
import type { ChunkStore, ListedChunk } from './chunk-store.js'
import type { FrameBlock } from './log.js'
import { type SealedSegment, segmentAt } from './log-manifest.js'

export interface ChunkReaderOptions {
  readonly chunks: ChunkStore
  readonly segments: ChunkSegments
  readonly manifest: ManifestCell
  readonly index: ChunkIndex
  readonly end: () => ChunkEnd
}

export class ChunkReader {
  readonly #options: ChunkReaderOptions

  constructor(options: ChunkReaderOptions) {
    this.#options = options
  }

  async read(from: number, limit: number, maxBytes: number): Promise<FrameBlock | undefined> {
    const { manifest, end } = this.#options
    if (from >= end().next) return undefined
    const { segments, merged } = manifest.value
    for (let at = segmentAt(segments, from, ({ closed }) => closed); at < segments.length; at++) {
      const entry = segments[at] as SealedSegment
      if (Math.max(from, entry.base) >= limit) return undefined
      const reader = await this.#options.segments.reader(entry)
      const block = await reader.read(from, limit, entry.closed.length, maxBytes)
      if (block !== undefined) return block
    }
    const start = Math.max(from, merged.next)
    if (start >= Math.min(limit, end().next)) return undefined
    const block = await this.#blockAt(start)
    return firstOf(block).baseOffset < limit ? block : undefined
  }

  /** The chunk that holds the offset; where it lies in a gap, the one behind, if its chain says so. */
  async #blockAt(start: number): Promise<FrameBlock> {
    const { chunks, index, end, manifest } = this.#options
    const { merged } = manifest.value
    const { chunk } = await this.#locate(start)
    const block = await chunks.get(chunk)
    if (firstOf(block).baseOffset > start) {
      const before = chunk === merged.chunk ? merged : endOf(await chunks.get(chunk - 1))
      if (before.next > start || !isBehind(firstOf(block), before)) throw this.#misplaced(chunk, start)
    }
    const last = endOf(block)
    index.note({ chunk: chunk + 1, base: last.next })
    if (last.next > start) return block
    const behind = chunk + 1 < end().chunk ? await chunks.get(chunk + 1) : undefined
    if (behind === undefined || firstOf(behind).baseOffset <= start || !isBehind(firstOf(behind), last)) {
      throw this.#misplaced(chunk, start)
    }
    return behind
  }

  async offsetAt(time: number): Promise<number> {
    const { manifest, end } = this.#options
    for (const entry of manifest.value.segments) {
      if (entry.closed.timestamp < time) continue
      const reader = await this.#options.segments.reader(entry)
      const found = await reader.offsetAt(time, entry.closed.length)
      if (found !== undefined) return found
    }
    return (await this.#offsetInChunks(time)) ?? end().next
  }

  async offsetAtBytes(bytes: number): Promise<number> {
    const { manifest, end, chunks } = this.#options
    const { segments, merged } = manifest.value
    const listed: ListedChunk[] = []
    for await (const chunk of chunks.list(merged.chunk)) listed.push(chunk)
    let room = bytes
    let oldest: number | undefined
    for (const chunk of listed.reverse()) {
      if (chunk.bytes > room) return oldest === undefined ? end().next : chunks.base(oldest)
      room -= chunk.bytes
      oldest = chunk.chunk
    }
    let first = merged.next
    for (const entry of [...segments].reverse()) {
      const { length } = entry.closed
      if (length > room) return (await (await this.#options.segments.reader(entry)).offsetFrom(length - room)) ?? first
      room -= length
      first = entry.base
    }
    return first
  }

  /** By halving: timestamps never fall. */
  async #offsetInChunks(time: number): Promise<number | undefined> {
    const { manifest, end, chunks } = this.#options
    const { chunk: behind } = end()
    let low = manifest.value.merged.chunk
    let high = behind
    while (low < high) {
      const middle = (low + high) >>> 1
      const { frames } = await chunks.get(middle)
      if ((frames[frames.length - 1] as FrameHeader).timestamp >= time) high = middle
      else low = middle + 1
    }
    if (low === behind) return undefined
    return (await chunks.get(low)).frames.find((frame) => frame.timestamp >= time)?.baseOffset
  }

  /** The chunk that holds the offset, by halving between what is known around it. */
  async #locate(offset: number): Promise<ChunkPlace> {
    const { index, end, chunks } = this.#options
    for (;;) {
      const { low, high } = index.around(offset)
      const highChunk = high?.chunk ?? end().chunk
      if (highChunk - low.chunk <= 1) return low
      const middle = (low.chunk + highChunk) >>> 1
      const base = await chunks.base(middle)
      if (base < low.base || base > (high?.base ?? end().next)) throw this.#misplaced(middle, offset)
      index.note({ chunk: middle, base })
    }
  }

  /** A chunk that is whole, but of another place in the log. */
  #misplaced(chunk: number, offset: number): StorageError {
    return frameError('offset', { key: this.#options.chunks.key(chunk), firstOffset: offset })
  }
}

function firstOf({ frames }: FrameBlock): FrameHeader {
  return frames[0] as FrameHeader
}

function endOf({ frames }: FrameBlock): { readonly next: number; readonly chain: number } {
  const { next, headerCrc } = frames[frames.length - 1] as FrameHeader
  return { next, chain: headerCrc }
}
