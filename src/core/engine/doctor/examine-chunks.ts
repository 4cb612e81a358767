// Looks at every byte of the chunks that were not merged, one by one, and says which offsets can be read.

import type { FrameHeader } from '../../codec/frame.js'
import { chunkSalt } from '../chunk.js'
import type { ChunkEnd } from '../chunk-manifest.js'
import { isSeal } from '../chunk-merger.js'
import type { Anomaly, FrameDamage } from './anomaly.js'
import { type ChunkLogPlace, chunkKey } from './chunk-log-place.js'
import { claimedNext, hasChunkHeader, walkChunk } from './walk-chunk.js'

export interface ChunksExamination {
  readonly anomalies: readonly Anomaly[]
  /** Numbers of those that were there. */
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
  const numbers = listed.filter((chunk) => chunk >= start.chunk)
  for (const chunk of numbers) {
    const blob = await place.blobs.get(chunkKey(place, chunk))
    if (blob !== undefined) await examiner.chunk(chunk, blob.data)
    place.progress?.(blob?.data.length ?? 0)
  }
  return examiner.finish(numbers, durable)
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

  async chunk(chunk: number, bytes: Uint8Array): Promise<void> {
    const path = chunkKey(this.#place, chunk)
    if (chunk > this.#end.chunk) this.#missing('chunks of the log are gone from here on', this.#claimed())
    this.#end = { ...this.#end, chunk: chunk + 1 }
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
    const { next, chain, timestamp } = this.#end
    const follows = header.baseOffset === next && header.chain === chain
    if (this.#open === undefined && !follows) this.#damaged(frameAnomaly({ position, end: position, fault: 'chain' }, path), next)
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
