// The segment files of one log: made, opened for reading, rewritten, deleted. What they mean together is FileLog's.

import { isStorageError } from '../base/errors.js'
import { newSalt } from '../codec/envelope.js'
import type { AppendFile, FileStore } from '../ports/file-store.js'
import type { FrameFormat } from './frame-format.js'
import type { LogEnd, WholeFrame } from './log.js'
import type { SealedSegment, SegmentEntry } from './log-manifest.js'
import { type ControlState, SALT_BYTES, segmentName } from './segment.js'
import { SegmentBuilder } from './segment-builder.js'
import { SegmentReader } from './segment-reader.js'
import { SegmentReaders } from './segment-readers.js'

/** A segment that is being appended to. */
export interface ActiveSegment {
  readonly entry: SegmentEntry
  readonly file: AppendFile
  readonly salt: Uint8Array
  readonly reader: SegmentReader
  /** Length and chain behind the header and the state frame. */
  readonly length: number
  readonly chain: number
}

export interface NewSegment {
  readonly sequence: number
  readonly base: number
  readonly createdAt: number
  readonly epoch: number
  readonly previousChain: number
}

export interface FileSegmentsOptions {
  readonly files: FileStore
  readonly format: FrameFormat
  /** Prefix of the log's files. */
  readonly path: string
  readonly place: number
}

export class FileSegments {
  readonly #options: FileSegmentsOptions
  readonly #readers = new SegmentReaders()

  constructor(options: FileSegmentsOptions) {
    this.#options = options
  }

  /** Header and state frame, synced, before anything names the file. */
  async begin(segment: NewSegment, at: Pick<LogEnd, 'next' | 'durable' | 'timestamp'>): Promise<ActiveSegment> {
    const { files, format, place } = this.#options
    const salt = newSalt(SALT_BYTES)
    const entry = { name: segmentName(segment, salt), sequence: segment.sequence, base: segment.base, createdAt: segment.createdAt }
    const path = this.path(entry.name)
    const header = format.encodeSegmentHeader({ ...segment, baseOffset: segment.base, salt, place })
    const chain = format.headerChain(header)
    const control = format.encodeControlFrame(await this.#state(at.durable), { ...at, epoch: segment.epoch, chain, salt })
    const file = await files.open(path, { mode: 'append' })
    try {
      await file.append(header)
      await file.append(control.bytes)
      await file.sync('strict')
    } catch (error) {
      await file.close().catch(() => {})
      throw error
    }
    const reader = new SegmentReader({ format, source: file, base: entry.base, place, path, salt })
    return { entry, file, salt, reader, length: header.length + control.bytes.length, chain: control.chain }
  }

  /** Writes a sealed segment with these frames in the place of an old one, under a name of its own. */
  async rewrite(old: SealedSegment, frames: AsyncIterable<WholeFrame>, epoch: number): Promise<SealedSegment> {
    const { files, format, place } = this.#options
    const { base, createdAt, sequence, closed } = old
    const salt = newSalt(SALT_BYTES)
    const name = segmentName({ sequence, epoch }, salt)
    const state = await this.#state(closed.next)
    const header = { sequence, baseOffset: base, createdAt, salt, epoch, previousChain: 0, place }
    const builder = new SegmentBuilder({ ...header, format, state })
    const file = await files.open(this.path(name), { mode: 'append' })
    try {
      await file.append(builder.begin())
      for await (const { bytes, header } of frames) await file.append(builder.frame(bytes, header))
      const { footer, end } = builder.finish(closed.next)
      await file.append(footer)
      await file.sync('strict')
      const sealed = { ...end, timestamp: closed.timestamp, sealedAt: closed.sealedAt, footer: footer.length }
      return { name, sequence, base, createdAt, closed: sealed }
    } finally {
      await file.close()
    }
  }

  /** undefined where the file is not there. */
  async open(entry: SegmentEntry): Promise<SegmentReader | undefined> {
    return this.#readers
      .get(entry.name, () => this.#open(entry))
      .catch((error) => {
        if (isStorageError(error, 'missing')) return undefined
        throw error
      })
  }

  /** Makes all that a process before this one left in the file durable. */
  async sync(name: string): Promise<void> {
    const file = await this.#options.files.open(this.path(name), { mode: 'append' })
    try {
      await file.sync('strict')
    } finally {
      await file.close()
    }
  }

  /** Closes its reader once no read needs it. */
  retire(name: string): Promise<void> {
    return this.#readers.retire(name)
  }

  /** Waits for the reads in flight. */
  async delete(name: string): Promise<void> {
    await this.retire(name)
    await this.#options.files.delete(this.path(name))
  }

  close(): Promise<void> {
    return this.#readers.retireAll()
  }

  path(name: string): string {
    return `${this.#options.path}/seg/${name}`
  }

  async #open(entry: SegmentEntry): Promise<SegmentReader> {
    const { files, format, place } = this.#options
    const path = this.path(entry.name)
    const source = await files.open(path, { mode: 'read' })
    return new SegmentReader({ format, source, base: entry.base, place, path, hasFooter: (entry.closed?.footer ?? 0) > 0 })
  }

  async #state(durable: number): Promise<ControlState> {
    return { kind: 'state', durable, bootId: (await this.#options.files.bootId()) ?? null }
  }
}
