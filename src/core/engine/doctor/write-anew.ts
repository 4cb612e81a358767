// New segments with what is whole of damaged segments and chunks, for a repair to enter into the manifest.

import { each } from '../../base/map-ordered.js'
import { chunkSalt } from '../chunk.js'
import type { ChunkSegments, NewChunkSegment } from '../chunk-segments.js'
import type { WholeFrame } from '../log.js'
import type { SealedSegment } from '../log-manifest.js'
import { type ChunkLogPlace, chunkKey, segmentKey, withSegment } from './chunk-log-place.js'
import type { ChunkLogExamination, ExaminedBlob } from './examine-chunk-log.js'
import { wholeFrames } from './walk-frames.js'
import { wholeFramesOf } from './walk-chunk.js'

const MAX_BYTES = 4 * 1024 * 1024

/** All segments as they shall be: a damaged one is written anew, one of which nothing is left goes. */
export async function writeSegmentsAnew(
  place: ChunkLogPlace,
  segments: ChunkSegments,
  { manifest, segments: examined }: ChunkLogExamination,
  damaged: ReadonlySet<string>,
): Promise<SealedSegment[]> {
  const kept: SealedSegment[] = []
  let { sequence } = manifest
  for (const one of examined) {
    const isDamaged = damaged.has(segmentKey(place, one.entry.name))
    const entry = isDamaged ? await writeOneAnew(place, segments, one, ++sequence) : one.entry
    if (entry !== undefined) kept.push(entry)
  }
  return kept
}

async function writeOneAnew(
  place: ChunkLogPlace,
  segments: ChunkSegments,
  { entry, found, size }: ExaminedBlob,
  sequence: number,
): Promise<SealedSegment | undefined> {
  const walk = found?.walk
  if (walk === undefined) return undefined
  const { base, createdAt, closed } = entry
  const { next, timestamp, sealedAt } = closed
  return withSegment(place, entry.name, size, (source) =>
    write(segments, { sequence, base, createdAt, next, timestamp, sealedAt }, wholeFrames(source, walk)),
  )
}

/** Everything whole that lies in the chunks that were examined. */
export async function writeChunksAnew(
  place: ChunkLogPlace,
  segments: ChunkSegments,
  { manifest, chunks, segments: examined }: ChunkLogExamination,
): Promise<SealedSegment[]> {
  const written: SealedSegment[] = []
  const salt = chunkSalt(place.path)
  const maxBytes = Math.min(MAX_BYTES, Math.floor(place.blobs.traits.maxBlobBytes / 2))
  // Behind the numbers that segments which are written anew may have taken.
  let sequence = manifest.sequence + examined.length
  let { next } = manifest.merged
  let frames: WholeFrame[] = []
  let bytes = 0
  const flush = async (): Promise<void> => {
    const entry = await writeFrames(place, segments, ++sequence, frames)
    if (entry !== undefined) written.push(entry)
    frames = []
    bytes = 0
  }
  for (const chunk of chunks.numbers) {
    const blob = await place.blobs.get(chunkKey(place, chunk))
    if (blob === undefined) continue
    if (bytes > 0 && bytes + blob.data.length > maxBytes) await flush()
    const whole = await wholeFramesOf(blob.data, salt, next)
    next = whole[whole.length - 1]?.header.next ?? next
    frames.push(...whole.filter(({ header }) => !header.isControl))
    bytes += blob.data.length
  }
  await flush()
  return written
}

async function writeFrames(
  { clock }: ChunkLogPlace,
  segments: ChunkSegments,
  sequence: number,
  frames: readonly WholeFrame[],
): Promise<SealedSegment | undefined> {
  const first = frames[0]?.header
  const last = frames[frames.length - 1]?.header
  if (first === undefined || last === undefined) return undefined
  const timestamp = frames.reduce((greatest, { header }) => Math.max(greatest, header.timestamp), 0)
  const span = { base: first.baseOffset, next: last.next, createdAt: first.timestamp, timestamp, sealedAt: clock.now() }
  return write(segments, { sequence, ...span }, each(frames))
}

async function write(
  segments: ChunkSegments,
  segment: NewChunkSegment,
  frames: AsyncIterable<WholeFrame>,
): Promise<SealedSegment | undefined> {
  const built = await segments.build(segment, frames)
  return built.closed.records === 0 ? undefined : segments.store(built, segment.sequence)
}
