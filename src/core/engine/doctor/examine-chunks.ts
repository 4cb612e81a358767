// Looks at every byte of the chunks that were not merged, one by one, and says which offsets can be read.

import { type FrameHeader, readFrameHeader } from '../../codec/frame.js'
import { CHUNK_HEADER_BYTES, chunkSalt, isBehind } from '../chunk.js'
import type { ChunkEnd } from '../chunk-manifest.js'
import { isSeal } from '../chunk-merger.js'
import type { Anomaly, FrameDamage } from './anomaly.js'
import { type ChunkLogPlace, chunkKey } from './chunk-log-place.js'
import { claimedNext, hasChunkHeader, walkChunk } from './walk-chunk.js'

export interface ChunksExamination {
  readonly anomalies: readonly Anomaly[]
  /** Numbers of those that are there, in their places. */
  readonly numbers: readonly number[]
  /** Behind the last one; no offset from its `next` on was ever given out. */
  readonly end: ChunkEnd
  /** Something is gone from the end, so that those who write now may not know this end. */
  readonly isEndLost: boolean
  readonly isSealed: boolean
  readonly records: number
  readonly bytes: number
}

/** The listed ones from `start` on; `durable` is what the manifest says was flushed. */
export async function examineChunks(
  place: ChunkLogPlace,
  start: ChunkEnd,
  listed: readonly number[],
  durable: number,
): Promise<ChunksExamination> {
  const examiner = new ChunksExaminer(place, start)
  const numbers: number[] = []
  const wanted = listed.filter((chunk) => chunk >= start.chunk)
  for (const [at, chunk] of wanted.entries()) {
    const blob = await place.blobs.get(chunkKey(place, chunk))
    if (blob === undefined) continue
    if (await isOfLater(place, blob.data, examiner.next, wanted[at + 1])) {
      examiner.misplaced(chunk)
    } else {
      numbers.push(chunk)
      await examiner.chunk(chunk, blob.data)
    }
    place.progress?.(blob.data.length)
  }
  return examiner.finish(numbers, durable)
}

/** Whether a chunk leaps over offsets that the one behind it holds. */
async function isOfLater(place: ChunkLogPlace, bytes: Uint8Array, next: number, behind: number | undefined): Promise<boolean> {
  const base = baseOf(place, bytes)
  if (base === undefined || base <= next || behind === undefined) return false
  const blob = await place.blobs.get(chunkKey(place, behind))
  const baseBehind = blob && baseOf(place, blob.data)
  return baseBehind !== undefined && baseBehind >= next && baseBehind < base
}

function baseOf({ path }: ChunkLogPlace, bytes: Uint8Array): number | undefined {
  const header = readFrameHeader(bytes, CHUNK_HEADER_BYTES, chunkSalt(path))
  return typeof header === 'string' ? undefined : header.baseOffset
}

class ChunksExaminer {
  readonly #place: ChunkLogPlace
  readonly #salt: Uint8Array
  readonly #anomalies: Anomaly[] = []
  #end: ChunkEnd
  /** Damage that no whole frame followed yet: where it stands among the anomalies, and how far it may reach. */
  #open: { readonly at: number; readonly claimed: number } | undefined
  #isSealed = false
  #records = 0
  #bytes = 0

  constructor(place: ChunkLogPlace, start: ChunkEnd) {
    this.#place = place
    this.#salt = chunkSalt(place.path)
    this.#end = start
  }

  /** Where the next frame must begin. */
  get next(): number {
    return this.#end.next
  }

  misplaced(chunk: number): void {
    this.#reach(chunk)
    const path = chunkKey(this.#place, chunk)
    this.#damaged({ kind: 'misplaced_segment', path, position: 0, detail: 'another chunk lies in its place' }, this.#claimed())
  }

  async chunk(chunk: number, bytes: Uint8Array): Promise<void> {
    const path = chunkKey(this.#place, chunk)
    this.#reach(chunk)
    this.#bytes += bytes.length
    if (!hasChunkHeader(bytes, path)) {
      this.#anomalies.push({ kind: 'damaged_header', path, position: 0, detail: 'the header of the chunk is damaged' })
    }
    for await (const step of walkChunk(bytes, this.#salt, this.#end.next)) {
      if (step.kind === 'damage') {
        this.#damaged(frameAnomaly(step, path), claimedNext(bytes, step, this.#salt, this.#claimed()))
        continue
      }
      const { header } = step.frame
      this.#frame(header, path, step.position)
      this.#isSealed ||= isSeal({ bytes: step.frame.bytes, frames: [header] })
    }
  }

  finish(numbers: readonly number[], durable: number): ChunksExamination {
    const next = Math.max(this.#claimed(), durable)
    if (durable > this.#claimed()) this.#missing('chunks that were flushed are gone from the end of the log', durable)
    if (this.#open !== undefined) this.#lost(this.#open.at, next)
    return {
      anomalies: this.#anomalies,
      numbers,
      end: { ...this.#end, next },
      isEndLost: this.#open !== undefined,
      isSealed: this.#isSealed,
      records: this.#records,
      bytes: this.#bytes,
    }
  }

  #claimed(): number {
    return this.#open?.claimed ?? this.#end.next
  }

  #reach(chunk: number): void {
    if (chunk > this.#end.chunk) this.#missing('chunks of the log are gone from here on', this.#claimed())
    this.#end = { ...this.#end, chunk: chunk + 1 }
  }

  #missing(detail: string, claimed: number): void {
    this.#damaged({ kind: 'missing_segment', path: chunkKey(this.#place, this.#end.chunk), detail }, claimed)
  }

  #damaged(anomaly: Anomaly, claimed: number): void {
    const at = this.#open?.at ?? this.#anomalies.length
    this.#anomalies.push(anomaly)
    this.#open = { at, claimed }
  }

  /** Everything from the last whole frame to `to` is gone: the first damage behind it says so. */
  #lost(at: number, to: number): void {
    const { next } = this.#end
    if (to > next) this.#anomalies[at] = { ...(this.#anomalies[at] as Anomaly), firstOffset: next, lastOffset: to - 1 }
  }

  #frame(header: FrameHeader, path: string, position: number): void {
    const { next, timestamp } = this.#end
    if (this.#open === undefined && !isBehind(header, this.#end))
      this.#damaged(frameAnomaly({ position, end: position, fault: 'chain' }, path), next)
    if (this.#open !== undefined) this.#lost(this.#open.at, header.baseOffset)
    this.#open = undefined
    this.#end = { ...this.#end, next: header.next, chain: header.headerCrc, timestamp: Math.max(timestamp, header.timestamp) }
    this.#records += header.count
  }
}

function frameAnomaly({ position, end, fault }: FrameDamage, path: string): Anomaly {
  const detail = end > position ? `${end - position} bytes cannot be read (${fault})` : `does not follow what lies before (${fault})`
  return { kind: 'corrupted_frame', path, position, detail }
}
