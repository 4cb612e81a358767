// The manifest of a log of chunks, made again from what its segments and chunks say about themselves.

import { binaryFormat } from '../binary-format.js'
import { chunkSalt } from '../chunk.js'
import type { ChunkEnd, ChunkManifest } from '../chunk-manifest.js'
import type { SealedSegment } from '../log-manifest.js'
import { readFooter } from '../segment-index.js'
import { type ChunkLogPlace, chunkKey, examineBlob, type ListedLog, startOf, withSegment } from './chunk-log-place.js'
import { readHeader } from './examine-segment.js'
import { wholeFramesOf } from './walk-chunk.js'

export async function rebuildChunkManifest(place: ChunkLogPlace, listed: ListedLog): Promise<ChunkManifest> {
  const segments = withEnds(withoutOverlap(await candidates(place, listed)))
  const numbers = [...listed.segments.keys()].map((name) => Number.parseInt(name, 10))
  const merged = await mergedEnd(place, listed, segments)
  const first = segments[0]?.base ?? merged.next
  return {
    format: 1,
    segments,
    ...(first > 0 ? { first } : {}),
    merged,
    sequence: Math.max(0, ...numbers),
    leftovers: listed.chunks.some((chunk) => chunk < merged.chunk) ? [{ before: merged.chunk }] : [],
    places: [],
  }
}

async function candidates(place: ChunkLogPlace, listed: ListedLog): Promise<SealedSegment[]> {
  const found: SealedSegment[] = []
  for (const [name, size] of listed.segments) {
    const ends = await withSegment(place, name, size, async (source) => {
      const footer = await readFooter(source, binaryFormat.decodeFooter)
      return { footer, base: (await readHeader(source, binaryFormat))?.baseOffset ?? footer?.base }
    })
    if (ends?.base === undefined) continue
    const entry = { name, sequence: Number.parseInt(name, 10), base: ends.base, createdAt: 0 }
    const said = await examineBlob(place, entry, size)
    if (said?.walk === undefined || said.records === 0) continue
    const { end, footer, createdAt } = said
    const closed = ends.footer ?? { ...end, records: said.records }
    const { length, next, chain, timestamp, records } = closed
    found.push({ ...entry, createdAt, closed: { length, next, chain, timestamp, records, sealedAt: timestamp, footer } })
  }
  return found
}

/** What was merged or replaced later holds what earlier ones did; of two who did the same work, the one that did more. */
function withoutOverlap(found: readonly SealedSegment[]): SealedSegment[] {
  const kept: SealedSegment[] = []
  for (const entry of [...found].sort((a, b) => b.sequence - a.sequence || b.closed.next - a.closed.next)) {
    if (kept.every(({ base, closed }) => closed.next <= entry.base || entry.closed.next <= base)) kept.push(entry)
  }
  return kept.sort((a, b) => a.base - b.base)
}

/** One that cannot say where it ends, its footer being gone, ends where the next begins. */
function withEnds(segments: readonly SealedSegment[]): SealedSegment[] {
  return segments.map((entry, at) => {
    const next = Math.max(entry.closed.next, segments[at + 1]?.base ?? 0)
    return entry.closed.footer > 0 ? entry : { ...entry, closed: { ...entry.closed, next } }
  })
}

/** Chunks go on behind the last one whose records all lie in segments; where none is left, with a number that none can have had. */
async function mergedEnd(place: ChunkLogPlace, { chunks }: ListedLog, segments: readonly SealedSegment[]): Promise<ChunkEnd> {
  const next = segments[segments.length - 1]?.closed.next ?? 0
  const timestamp = Math.max(0, ...segments.map(({ closed }) => closed.timestamp))
  const [lowest] = chunks
  let end: ChunkEnd = { ...startOf(place.path), chunk: lowest ?? next, next, timestamp }
  for (const chunk of chunks) {
    const said = await saidBy(place, chunk)
    if (said === undefined) continue
    if (said.hasRecords && said.next <= next) end = { ...end, chunk: chunk + 1, chain: said.chain }
    else if (chunk === lowest) return { ...end, ...beginningOf(said, segments.length === 0 ? said.base : next) }
    else break
  }
  return end
}

/** Whether offsets before the first chunk were lost or never given out nothing tells any more: with this chain it is no gap. */
function beginningOf({ base, firstChain }: { base: number; firstChain: number }, next: number): Pick<ChunkEnd, 'next' | 'chain'> {
  return { next, chain: base === next ? firstChain : (firstChain ^ 1) >>> 0 }
}

async function saidBy(place: ChunkLogPlace, chunk: number) {
  const blob = await place.blobs.get(chunkKey(place, chunk))
  const frames = blob === undefined ? [] : await wholeFramesOf(blob.data, chunkSalt(place.path), 0)
  const [first] = frames
  const last = frames[frames.length - 1]
  if (first === undefined || last === undefined) return undefined
  return {
    base: first.header.baseOffset,
    firstChain: first.header.chain,
    next: last.header.next,
    chain: last.header.headerCrc,
    hasRecords: frames.some(({ header }) => !header.isControl),
  }
}
