// Records out of frames. The last block stays in memory, so that reading one record at a time does not fetch and check the
// same frame again and again; who reads block after block finds the next one read already. Records are copies: a block's
// memory goes back when nobody decodes from it.

import { loadPart } from '../base/load-part.js'
import { frameError, type FrameHeader } from '../codec/frame.js'
import type { StreamRecord } from '../ports/stream-broker.js'
import type { FrameFormat, FrameRecords } from './frame-format.js'
import { giveBackMemory } from './frame-memory.js'
import type { FrameBlock, Log } from './log.js'

export interface BlockReadOptions {
  readonly from: number
  /** Offsets at or past it are not looked at. */
  readonly end: number
  readonly limit: number
  readonly maxBytes: number
}

/** A block that answers for all offsets from `from` to below `next`, and readers of its frames whose bodies were checked. */
interface LoadedBlock extends FrameBlock {
  readonly from: number
  readonly next: number
  readonly format: FrameFormat
  readonly readers: Map<FrameHeader, FrameRecords>
  /** Calls that decode from it, and one while it is kept here. */
  users: number
}

/** The block that follows the last one, on its way. */
interface BlockAhead {
  readonly from: number
  /** undefined where there is none, or where reading failed: whoever wants it tries again and is told. */
  readonly block: Promise<LoadedBlock | undefined>
}

export class BlockReader {
  #block: LoadedBlock | undefined
  #ahead: BlockAhead | undefined
  /** Rises when what was read before must not be kept. */
  #life = 0

  /** At least one record from `from` on, or none where the log has none. `corrupt` names the offsets of a damaged frame. */
  async read(log: Log, options: BlockReadOptions): Promise<StreamRecord[]> {
    const { from, end, limit } = options
    const held = this.#block
    const block = held !== undefined && held.from <= from && from < held.next ? use(held) : await this.#load(log, options)
    if (block === undefined) return []
    try {
      const count = Math.min(limit, end - from)
      const inflating = inflate(block, from, count)
      if (inflating !== undefined) await inflating
      return decode(block, from, count)
    } finally {
      leave(block)
    }
  }

  /** What the blocks hold may have changed on the medium. */
  forget(): void {
    this.#life++
    this.#keep(undefined)
    this.#ahead = undefined
  }

  /** Waits for what is being read ahead. */
  async close(): Promise<void> {
    const ahead = this.#ahead
    this.forget()
    await ahead?.block
  }

  /** Its memory is the caller's to leave. */
  async #load(log: Log, options: BlockReadOptions): Promise<LoadedBlock | undefined> {
    const { from, end } = options
    const life = this.#life
    const isNext = this.#block?.next === from
    const ahead = this.#ahead
    this.#ahead = undefined
    const block = (ahead?.from === from ? await ahead.block : undefined) ?? (await fetchBlock(log, options))
    if (block === undefined) return undefined
    if (life !== this.#life) return use(block)
    this.#keep(use(block))
    if (isNext && log.readsAhead && from < block.next && block.next < end) {
      this.#ahead = { from: block.next, block: fetchBlock(log, { ...options, from: block.next }).catch(() => undefined) }
    }
    return block
  }

  #keep(block: LoadedBlock | undefined): void {
    const before = this.#block
    this.#block = block
    if (block !== undefined) use(block)
    if (before !== undefined) leave(before)
  }
}

async function fetchBlock(log: Log, { from, end, maxBytes }: BlockReadOptions): Promise<LoadedBlock | undefined> {
  const block = await log.read(from, end, maxBytes)
  if (block === undefined) return undefined
  const next = block.frames.reduce((end, frame) => Math.max(end, frame.next), from)
  return { ...block, from, next, format: log.format, readers: new Map(), users: 0 }
}

function use(block: LoadedBlock): LoadedBlock {
  block.users++
  return block
}

/** The last one to leave a block gives its memory back. */
function leave(block: LoadedBlock): void {
  if (--block.users === 0 && block.isBorrowed === true) giveBackMemory(block.bytes)
}

/**
 * The compressed bodies of about the next `count` records, at least of the first frame; the code for it comes when first
 * needed. undefined where there are none, which is so for most.
 */
function inflate(block: LoadedBlock, from: number, count: number): Promise<void> | undefined {
  const frames: FrameHeader[] = []
  let left = count
  for (const frame of block.frames) {
    if (left <= 0) break
    if (frame.isControl || frame.next <= from) continue
    left -= frame.count
    if (frame.compression !== 0 && !block.readers.has(frame)) frames.push(frame)
  }
  return frames.length === 0 ? undefined : inflateFrames(block, frames)
}

async function inflateFrames(block: LoadedBlock, frames: readonly FrameHeader[]): Promise<void> {
  const { plainBody } = await loadPart('compression', () => import('../codec/frame-compression.js'))
  for (const frame of frames) {
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
