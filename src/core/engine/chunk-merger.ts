// Merges chunks into segments. The order makes every step safe to crash in: the segment is stored under a name that nobody
// knows; the manifest says that it holds these chunks, and of two mergers one wins; then, and where writers cannot check the
// manifest in the commit of their chunk only after a grace, the chunks are deleted. Segments that are no larger than what
// comes behind them are merged too, so that their number stays small however small the chunks are.

import type { Clock } from '../base/clock.js'
import { mapOrdered } from '../base/map-ordered.js'
import { frameBody, frameError, type FrameHeader } from '../codec/frame.js'
import { isBehind } from './chunk.js'
import { type ChunkEnd, GRACE_MS, isListed, type ManifestCell, withMerge } from './chunk-manifest.js'
import type { BuiltSegment, ChunkSegments } from './chunk-segments.js'
import type { ChunkStore } from './chunk-store.js'
import type { FrameBlock, WholeFrame } from './log.js'
import type { SealedSegment } from './log-manifest.js'
import { decodeControl } from './segment.js'

/** Older segments are not merged again: retention by age drops whole ones. */
export const MAX_SEGMENT_AGE_MS = 20 * 24 * 3_600_000
const READ_AT_ONCE = 8
/** Whoever is not first in so many tries leaves the work to the others. */
const MAX_TRIES = 3

export interface ChunkMergerOptions {
  readonly chunks: ChunkStore
  readonly segments: ChunkSegments
  readonly manifest: ManifestCell
  readonly clock: Clock
  /** Of a segment, about. */
  readonly maxBytes: number
  /** Read in one step. */
  readonly maxChunks: number
  /** Whether a chunk is put only while the manifest is the one its writer knows. */
  readonly isChecked: boolean
}

export interface ChunkCount {
  readonly chunks: number
  readonly bytes: number
}

/** Chunks in a row, and what they hold. */
interface Run extends ChunkCount {
  readonly blocks: readonly FrameBlock[]
  readonly end: ChunkEnd
  readonly isSealed: boolean
}

export class ChunkMerger {
  readonly #options: ChunkMergerOptions
  #cleared = 0

  constructor(options: ChunkMergerOptions) {
    this.#options = options
  }

  /** One segment out of the oldest chunks before `upTo`; undefined where there are none, or somebody else was first. */
  async merge(upTo: number): Promise<ChunkCount | undefined> {
    const { manifest, segments, clock } = this.#options
    const from = manifest.value
    const run = await this.#collect(from.merged, upTo, from.first ?? 0)
    if (run.chunks === 0) return undefined
    const absorbed = run.blocks.length === 0 ? [] : this.#absorbed(from.segments, run.bytes, clock.now())
    const sequence = from.sequence + 1
    const built = run.blocks.length === 0 ? undefined : await this.#build(sequence, run, absorbed, clock.now())
    const segment = built && (await segments.store(built, sequence))
    let tries = 0
    const won = await manifest.change((now) => {
      const listed = new Set(now.segments.map(({ name }) => name))
      const isSame =
        now.merged.chunk === from.merged.chunk && now.sequence === from.sequence && absorbed.every(({ name }) => listed.has(name))
      if (!isSame || ++tries > MAX_TRIES) return undefined
      const merged = withMerge(now, { segment, absorbed, end: run.end, isSealed: run.isSealed })
      return { ...merged, leftovers: merged.leftovers.filter(({ before }) => before > this.#cleared) }
    })
    if (won || isListed(manifest.value, segment)) {
      await segments.delete(absorbed.map(({ name }) => name))
      return run
    }
    // A put that timed out may still be done while the manifest is the one it was for: then a sweep has to find the segment.
    if (segment !== undefined && manifest.value.sequence !== from.sequence) await segments.delete([segment.name])
    return undefined
  }

  /** Begins the grace of chunks that an earlier merge left; where nothing more is appended, no other change of the manifest would. */
  async date(): Promise<void> {
    const { manifest, isChecked } = this.#options
    if (!isChecked && manifest.value.leftovers.some(({ at }) => at === undefined)) await manifest.change((now) => now)
  }

  /** Deletes merged chunks that no writer can mistake for the end any more. */
  async clear(): Promise<void> {
    const { manifest, chunks, clock, isChecked } = this.#options
    const now = clock.now()
    const due = manifest.value.leftovers.filter(({ at }) => isChecked || (at !== undefined && now - at >= GRACE_MS))
    const before = Math.max(0, ...due.map((leftover) => leftover.before))
    if (before <= this.#cleared) return
    await chunks.deleteBelow(before)
    this.#cleared = before
  }

  /** Everything is checked before it is moved: a merge must not make a damage that reading again would mend final. */
  async #collect(start: ChunkEnd, upTo: number, first: number): Promise<Run> {
    const { chunks, maxBytes, maxChunks } = this.#options
    const numbers = countFrom(start.chunk, Math.min(upTo, start.chunk + maxChunks))
    const blocks: FrameBlock[] = []
    let run: Omit<Run, 'blocks'> = { chunks: 0, bytes: 0, end: start, isSealed: false }
    for await (const block of mapOrdered(numbers, READ_AT_ONCE, (number) => chunks.get(number))) {
      const size = block.bytes.length
      if (blocks.length > 0 && run.bytes + size > maxBytes) break
      checkFrames(block, run.end, chunks.key(run.end.chunk))
      const last = block.frames[block.frames.length - 1] as FrameHeader
      if (last.next > first && !last.isControl) blocks.push(block)
      run = {
        chunks: run.chunks + 1,
        bytes: run.bytes + size,
        end: {
          chunk: run.end.chunk + 1,
          next: last.next,
          chain: last.headerCrc,
          timestamp: Math.max(run.end.timestamp, last.timestamp),
        },
        isSealed: run.isSealed || isSeal(block),
      }
    }
    return { ...run, blocks }
  }

  /** The last segments that are worth being written again together with so many bytes. */
  #absorbed(segments: readonly SealedSegment[], bytes: number, now: number): readonly SealedSegment[] {
    let total = bytes
    let at = segments.length
    for (; at > 0; at--) {
      const { closed, createdAt } = segments[at - 1] as SealedSegment
      const isWorth = closed.length <= total && total + closed.length <= this.#options.maxBytes
      if (!isWorth || now - createdAt > MAX_SEGMENT_AGE_MS) break
      total += closed.length
    }
    return segments.slice(at)
  }

  #build(sequence: number, { blocks, end }: Run, absorbed: readonly SealedSegment[], sealedAt: number): Promise<BuiltSegment> {
    const { segments } = this.#options
    const first = blocks[0]?.frames[0] as FrameHeader
    const base = absorbed[0]?.base ?? first.baseOffset
    const createdAt = absorbed[0]?.createdAt ?? first.timestamp
    const timestamp = Math.max(end.timestamp, ...absorbed.map(({ closed }) => closed.timestamp))
    return segments.build({ sequence, base, createdAt, sealedAt, next: end.next, timestamp }, allFrames(segments, absorbed, blocks))
  }
}

async function* allFrames(
  segments: ChunkSegments,
  absorbed: readonly SealedSegment[],
  blocks: readonly FrameBlock[],
): AsyncGenerator<WholeFrame> {
  for (const entry of absorbed) yield* segments.frames(entry)
  for (const { bytes, frames } of blocks) for (const header of frames) if (!header.isControl) yield { bytes, header }
}

async function* countFrom(from: number, to: number): AsyncGenerator<number> {
  for (let number = from; number < to; number++) yield number
}

/** `corrupt` where a body is damaged, or does not follow what came before. */
function checkFrames({ bytes, frames }: FrameBlock, before: ChunkEnd, key: string): void {
  const first = frames[0] as FrameHeader
  if (first.baseOffset !== before.next && !isBehind(first, before)) {
    throw frameError('offset', { key, firstOffset: before.next, found: first.baseOffset })
  }
  for (const header of frames) {
    if (frameBody(bytes, header) !== undefined) continue
    throw frameError('body', { key, firstOffset: header.baseOffset, lastOffset: header.next - 1, position: header.at })
  }
}

/** Whether the chunk ends the log for good. */
export function isSeal({ bytes, frames }: FrameBlock): boolean {
  const last = frames[frames.length - 1]
  const body = last?.isControl === true ? frameBody(bytes, last) : undefined
  return body !== undefined && decodeControl(body).kind === 'seal'
}
