// When chunks are merged: at a roll point, which is where what was not merged passes another multiple of a segment's bytes
// or of so many chunks. One commit passes it, so that of many writers one begins the work. Its errors cost speed only.

import { backOff } from '../base/backoff.js'
import type { Clock } from '../base/clock.js'
import { isStorageError, StorageError } from '../base/errors.js'
import { Mutex } from '../base/mutex.js'
import type { ManifestCell } from './chunk-manifest.js'
import { type ChunkMerger, MAX_SEGMENT_AGE_MS, type ChunkCount } from './chunk-merger.js'
import type { ChunkSegments } from './chunk-segments.js'

/** So often in a row somebody else may be first while all is merged. */
const MAX_LOST_MERGES = 64
const BACKOFF = { firstMs: 4, maxMs: 1_500 }
/** Chunks that hold so much each stay: merged they would be written once more, and not be many fewer. */
const LARGE_CHUNK_BYTES = 256 * 1024

export interface ChunkUpkeepOptions {
  readonly manifest: ManifestCell
  readonly merger: ChunkMerger
  readonly segments: ChunkSegments
  readonly clock: Clock
  readonly segmentBytes: number
  /** Roll points lie so many chunks apart at most. */
  readonly segmentChunks: number
  /** Whether retention drops what is old, which it can do with whole segments only. */
  readonly hasRetention: boolean
  /** false: work is done before the commit that caused it resolves, and a step at a time. */
  readonly isBackground: boolean
  /** Told of every merge. */
  readonly onMerged: (merged: ChunkCount) => void
}

export class ChunkUpkeep {
  readonly #options: ChunkUpkeepOptions
  readonly #merging = new Mutex()
  #running: Promise<void> | undefined
  #failure: unknown
  #isFirst = true

  constructor(options: ChunkUpkeepOptions) {
    this.#options = options
  }

  /** To be called after each commit, and after a trim; `now` is asked again as the work goes on. */
  async committed(before: ChunkCount, now: () => ChunkCount, upTo: () => number): Promise<void> {
    if (!this.#isDue(before, now())) return
    this.#running ??= this.#merging
      .run(() => this.#work(now, upTo))
      .catch((error) => {
        if (!isStorageError(error)) this.#failure = error
      })
      .finally(() => {
        this.#running = undefined
      })
    if (!this.#options.isBackground) await this.#running
  }

  /** Merges all chunks below `upTo`, and removes what crashes left. */
  roll(upTo: number): Promise<void> {
    return this.#merging.run(async () => {
      const { manifest, merger, segments } = this.#options
      await merger.date()
      for (let lost = 0; manifest.value.merged.chunk < upTo; ) {
        const merged = await merger.merge(upTo).catch((error) => this.#overtaken(error))
        lost = merged === undefined ? lost + 1 : 0
        if (merged === undefined) await this.#giveWay(lost)
        else this.#options.onMerged(merged)
      }
      await merger.clear()
      await segments.sweep(manifest.value.segments, manifest.value.sequence)
    })
  }

  /** Waits for what is under way. */
  async settled(): Promise<void> {
    await this.#running
  }

  async close(): Promise<void> {
    await this.#running
    await this.#options.segments.close()
    if (this.#failure !== undefined) throw this.#failure
  }

  async #work(now: () => ChunkCount, upTo: () => number): Promise<void> {
    const { merger, segmentBytes, segmentChunks, isBackground, onMerged } = this.#options
    const isMuch = (left: ChunkCount): boolean => left.chunks >= segmentChunks || (left.bytes >= segmentBytes && this.#isWorth(left))
    do {
      const merged = await merger.merge(upTo())
      if (merged === undefined) return
      onMerged(merged)
      await merger.clear()
    } while (isBackground && isMuch(now()))
  }

  /** Others merge as well: what they did is looked at, and they are given time. */
  async #giveWay(lost: number): Promise<void> {
    const { manifest, clock } = this.#options
    if (lost > MAX_LOST_MERGES) throw new StorageError('unavailable', 'the chunks of the log could not be merged', { operation: 'roll' })
    await manifest.read()
    if (lost > 1) await backOff(clock, lost, BACKOFF)
  }

  /** A chunk was gone because another merged it: no failure if the manifest says so. */
  async #overtaken(error: unknown): Promise<undefined> {
    if (isStorageError(error, 'missing') && (await this.#options.manifest.read())) return undefined
    throw error
  }

  #isDue(before: ChunkCount, now: ChunkCount): boolean {
    const { segmentBytes, segmentChunks } = this.#options
    const isOld = this.#isFirst && this.#isOld()
    this.#isFirst = false
    return (
      isOld || passes(segmentChunks, before.chunks, now.chunks) || (passes(segmentBytes, before.bytes, now.bytes) && this.#isWorth(now))
    )
  }

  /** Whether so many bytes in so many chunks are a reason to merge: not while the chunks are large and all still there to be read. */
  #isWorth({ chunks, bytes }: ChunkCount): boolean {
    const { manifest, hasRetention } = this.#options
    const { first = 0, merged } = manifest.value
    return hasRetention || first > merged.next || bytes < chunks * LARGE_CHUNK_BYTES
  }

  /** A log that grows slowly is merged after a time, so that retention by age can drop what is old. */
  #isOld(): boolean {
    const { manifest, clock } = this.#options
    const { segments } = manifest.value
    const last = segments[segments.length - 1]
    return last !== undefined && clock.now() - last.closed.sealedAt > MAX_SEGMENT_AGE_MS
  }
}

function passes(step: number, before: number, now: number): boolean {
  return Math.floor(before / step) < Math.floor(now / step)
}
