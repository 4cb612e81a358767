// Records out of frames. The last block stays in memory, so that reading one record at a time does not fetch and check the
// same frame again and again.

import { frameBody, frameError, type FrameHeader } from '../codec/frame.js'
import { RecordReader } from '../codec/records.js'
import type { StreamRecord } from '../ports/stream-broker.js'
import type { FrameBlock, Log } from './log.js'

export interface BlockReadOptions {
  readonly from: number
  /** Offsets at or past it are not looked at. */
  readonly end: number
  readonly limit: number
  readonly maxBytes: number
}

export class BlockReader {
  #block: FrameBlock | undefined
  /** Of the frames whose bodies were checked. */
  readonly #readers = new Map<FrameHeader, RecordReader>()

  /** At least one record from `from` on, or none where the log has none. `corrupt` names the offsets of a damaged frame. */
  async read(log: Log, options: BlockReadOptions): Promise<StreamRecord[]> {
    const { from, end, limit, maxBytes } = options
    if (this.#block === undefined || !holds(this.#block, from)) {
      this.#block = await log.read(from, end, maxBytes)
      this.#readers.clear()
    }
    return this.#block === undefined ? [] : this.#decode(this.#block, from, Math.min(limit, end - from))
  }

  /** What the block holds may have changed on the medium. */
  forget(): void {
    this.#block = undefined
  }

  #decode(block: FrameBlock, from: number, limit: number): StreamRecord[] {
    const records: StreamRecord[] = []
    for (const frame of block.frames) {
      if (frame.isControl || frame.next <= from) continue
      if (records.length >= limit) break
      const reader = this.#reader(block, frame)
      if (reader === undefined) {
        if (records.length > 0) break // what is whole comes first; the next read fails
        throw frameError('body', { firstOffset: frame.baseOffset, lastOffset: frame.next - 1, position: frame.at })
      }
      for (const record of reader.read(from, limit - records.length)) records.push(record)
    }
    return records
  }

  /** undefined where the body is damaged. */
  #reader(block: FrameBlock, frame: FrameHeader): RecordReader | undefined {
    const known = this.#readers.get(frame)
    if (known !== undefined) return known
    const body = frameBody(block.bytes, frame)
    if (body === undefined) return undefined
    const reader = new RecordReader(body, frame)
    this.#readers.set(frame, reader)
    return reader
  }
}

function holds(block: FrameBlock, offset: number): boolean {
  return block.frames.some((frame) => !frame.isControl && frame.baseOffset <= offset && offset < frame.next)
}
