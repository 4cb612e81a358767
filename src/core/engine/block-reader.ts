// Records out of frames. The last block stays in memory, so that reading one record at a time does not fetch and check the
// same frame again and again.

import { loadPart } from '../base/load-part.js'
import { frameError, type FrameHeader } from '../codec/frame.js'
import type { StreamRecord } from '../ports/stream-broker.js'
import type { FrameFormat, FrameRecords } from './frame-format.js'
import type { FrameBlock, Log } from './log.js'

export interface BlockReadOptions {
  readonly from: number
  /** Offsets at or past it are not looked at. */
  readonly end: number
  readonly limit: number
  readonly maxBytes: number
}

/** A block, and readers of its frames whose bodies were checked. */
interface LoadedBlock extends FrameBlock {
  readonly format: FrameFormat
  readonly readers: Map<FrameHeader, FrameRecords>
}

export class BlockReader {
  #block: LoadedBlock | undefined

  /** At least one record from `from` on, or none where the log has none. `corrupt` names the offsets of a damaged frame. */
  async read(log: Log, options: BlockReadOptions): Promise<StreamRecord[]> {
    const { from, end, limit, maxBytes } = options
    let block = this.#block
    if (block === undefined || !holds(block, from)) {
      const read = await log.read(from, end, maxBytes)
      if (read === undefined) return []
      block = { ...read, format: log.format, readers: new Map() }
      this.#block = block
    }
    const count = Math.min(limit, end - from)
    await inflate(block, from, count)
    return decode(block, from, count)
  }

  /** What the block holds may have changed on the medium. */
  forget(): void {
    this.#block = undefined
  }
}

/** The compressed bodies of about the next `count` records, at least of the first frame; the code for it comes when first needed. */
async function inflate(block: LoadedBlock, from: number, count: number): Promise<void> {
  let left = count
  for (const frame of block.frames) {
    if (left <= 0) return
    if (frame.isControl || frame.next <= from) continue
    left -= frame.count
    if (frame.compression === 0 || block.readers.has(frame)) continue
    const { plainBody } = await loadPart('compression', () => import('../codec/frame-compression.js'))
    const body = await plainBody(block.bytes, frame)
    if (body === undefined) return // damaged: named when it is decoded
    block.readers.set(frame, block.format.recordReader(body, frame))
  }
}

function decode(block: LoadedBlock, from: number, limit: number): StreamRecord[] {
  const records: StreamRecord[] = []
  for (const frame of block.frames) {
    if (frame.isControl || frame.next <= from) continue
    if (records.length >= limit) break
    const reader = readerOf(block, frame)
    if (reader === undefined) {
      if (records.length > 0) break // what is whole comes first; the next read goes on here
      throw frameError('body', { firstOffset: frame.baseOffset, lastOffset: frame.next - 1, position: frame.at })
    }
    for (const record of reader.read(from, limit - records.length)) records.push(record)
  }
  return records
}

/** undefined where the body is damaged, or compressed and not inflated yet. */
function readerOf({ format, bytes, readers }: LoadedBlock, frame: FrameHeader): FrameRecords | undefined {
  const known = readers.get(frame)
  if (known !== undefined || frame.compression !== 0) return known
  const body = format.frameBody(bytes, frame)
  if (body === undefined) return undefined
  const reader = format.recordReader(body, frame)
  readers.set(frame, reader)
  return reader
}

function holds(block: FrameBlock, offset: number): boolean {
  return block.frames.some((frame) => !frame.isControl && frame.baseOffset <= offset && offset < frame.next)
}
