// One sealed file behind the port of a plain one: offsets are those of the plain bytes. A record that was torn or damaged
// counts as long as its header says, and reads as zeros.

import { concatBytes } from '../base/bytes.js'
import { StorageError } from '../base/errors.js'
import { Mutex } from '../base/mutex.js'
import {
  newSealedFileHeader,
  readSealedFileHeader,
  RECORD_HEADER_BYTES,
  recordBytes,
  SEALED_FILE_HEADER_BYTES,
  SealedRecords,
} from '../codec/sealed-file.js'
import type { AppendFile, ByteSource, OpenFileOptions } from '../ports/file-store.js'
import type { ByteRange, WriteDurability } from '../ports/options.js'
import type { EncryptedKeys } from './encrypted-keys.js'
import { type FoundRecord, SealedPositions } from './sealed-positions.js'

const LEAST_READ_BYTES = 8_192
const MOST_READ_BYTES = 1_048_576
/** Records that are opened at once. */
const MOST_AT_ONCE = 64

/** What is known once there is a header. */
interface Layout {
  readonly records: SealedRecords
  readonly positions: SealedPositions
}

export interface EncryptedFileParts {
  readonly below: AppendFile
  readonly keys: EncryptedKeys
  readonly path: string
  readonly mode: OpenFileOptions['mode']
}

/** Takes over the file below. */
export async function openEncryptedFile(parts: EncryptedFileParts): Promise<AppendFile> {
  const file = new EncryptedFile(parts)
  try {
    await file.begin()
  } catch (error) {
    await parts.below.close()
    throw error
  }
  return file
}

class EncryptedFile implements AppendFile {
  readonly #parts: EncryptedFileParts
  readonly #appending = new Mutex()
  #layout: Layout | undefined
  #size = 0
  /** Where the sealed file ended when it was looked at. */
  #seen = 0
  /** Where the last record ends; beyond what is there if it is torn. */
  #end = 0
  #last = SEALED_FILE_HEADER_BYTES

  constructor(parts: EncryptedFileParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#size
  }

  async begin(): Promise<void> {
    const { below, keys, path, mode } = this.#parts
    if (below.size === 0) return
    const header = await below.read({ start: 0, end: SEALED_FILE_HEADER_BYTES })
    const generation = readSealedFileHeader(header, path)
    if ((await keys.opened()) === undefined) await keys.checkUnused()
    if (generation !== undefined) {
      this.#layout = this.#layoutOf(await SealedRecords.of(await keys.ofGeneration(generation, path), path, header))
      return await this.#look(this.#layout)
    }
    // To whoever reads, nothing of it is there; the log above knows what ought to be.
    if (mode === 'append') throw new StorageError('corrupt', 'the header of an encrypted file is damaged', { facts: { path } })
  }

  append(bytes: Uint8Array): Promise<number> {
    return this.#appending.run(() => this.#append(bytes))
  }

  sync(durability: WriteDurability): Promise<void> {
    return this.#parts.below.sync(durability)
  }

  close(): Promise<void> {
    return this.#parts.below.close()
  }

  async read(range: ByteRange, memory?: (bytes: number) => Uint8Array): Promise<Uint8Array> {
    const { below, mode } = this.#parts
    const layout = this.#layout
    if (layout !== undefined && mode === 'read' && below.size > this.#seen) await this.#look(layout)
    const end = Math.min(range.end, this.#size)
    const length = Math.max(0, end - range.start)
    const plain = memory === undefined ? new Uint8Array(length) : memory(length).subarray(0, length).fill(0)
    if (layout === undefined || length === 0) await below.read({ start: 0, end: 0 })
    else await this.#open(layout, range.start, plain)
    return plain
  }

  async #append(bytes: Uint8Array): Promise<number> {
    const { below, mode } = this.#parts
    if (mode === 'read' || bytes.length === 0) {
      await below.append(bytes)
      return this.#size
    }
    const layout = this.#layout ?? (await this.#newLayout())
    const start = this.#size
    const records = await layout.records.seal(bytes, start)
    const begin = this.#layout === undefined ? layout.records.header : await this.#fill(layout)
    const at = (await below.append(concatBytes([begin, ...records]))) + begin.length
    this.#layout = layout
    layout.positions.note({ start, at })
    this.#size = start + bytes.length
    this.#end = records.reduce((end, record) => end + record.length, at)
    this.#seen = this.#end
    return start
  }

  /** What goes behind the last record, where that is torn, or bytes that are no record lie behind it. */
  async #fill({ records }: Layout): Promise<Uint8Array> {
    const { below } = this.#parts
    if (below.size <= this.#end) return new Uint8Array(this.#end - below.size)
    const start = Math.max(this.#end, below.size - RECORD_HEADER_BYTES)
    return records.fillBehind(await below.read({ start, end: below.size }), start)
  }

  async #newLayout(): Promise<Layout> {
    const { keys, path } = this.#parts
    const by = await keys.sealing()
    return this.#layoutOf(await SealedRecords.of(by, path, newSealedFileHeader(by.generation)))
  }

  #layoutOf(records: SealedRecords): Layout {
    return { records, positions: new SealedPositions(this.#parts.below, records) }
  }

  /** How long it is now: its last record says. */
  async #look({ positions }: Layout): Promise<void> {
    const { size } = this.#parts.below
    const last = await positions.last(this.#last)
    this.#seen = size
    if (last === undefined) return
    this.#last = last.at
    this.#size = last.start + last.plainBytes
    this.#end = last.at + recordBytes(last.plainBytes)
  }

  /** Fills in what begins at `start` of the plain file; what cannot be opened stays zeros. */
  async #open({ records, positions }: Layout, start: number, into: Uint8Array): Promise<void> {
    const end = start + into.length
    const near = await positions.near(start)
    const window = new Window(this.#parts.below, end - near.start)
    let opening: Promise<void>[] = []
    const openOne = async (sealed: Uint8Array, from: number): Promise<void> => {
      const plain = await records.open(sealed)
      if (plain === undefined) return
      const skipped = Math.max(0, start - from)
      into.set(plain.subarray(skipped, Math.max(skipped, end - from)), Math.max(0, from - start))
    }
    let { at } = near
    for (let reached = near.start; reached < end; ) {
      const head = await window.bytes(at, RECORD_HEADER_BYTES)
      const here = records.recordAt(head, 0, at)
      const isNext = here !== undefined && here.start >= reached
      const record: FoundRecord | undefined = isNext ? { ...here, at } : await positions.next(at + 1, { end: this.#seen, least: reached })
      if (record === undefined || record.start >= end) break
      positions.note(record)
      const length = recordBytes(record.plainBytes)
      if (record.start + record.plainBytes > start) opening.push(openOne(await window.bytes(record.at, length), record.start))
      if (opening.length >= MOST_AT_ONCE) {
        await Promise.all(opening)
        opening = []
      }
      reached = record.start + record.plainBytes
      at = record.at + length
    }
    await Promise.all(opening)
  }
}

/** A part of the sealed file in memory, read ahead. */
class Window {
  readonly #source: ByteSource
  readonly #ahead: number
  #bytes: Uint8Array = new Uint8Array(0)
  #from = 0

  constructor(source: ByteSource, plainBytes: number) {
    this.#source = source
    this.#ahead = Math.min(MOST_READ_BYTES, Math.max(LEAST_READ_BYTES, plainBytes + Math.floor(plainBytes / 8)))
  }

  /** Fewer where the file ends. A view: later ones may lie elsewhere, this one stays. */
  async bytes(at: number, length: number): Promise<Uint8Array> {
    if (at < this.#from || at + length > this.#from + this.#bytes.length) {
      this.#bytes = await this.#source.read({ start: at, end: at + Math.max(length, this.#ahead) })
      this.#from = at
    }
    return this.#bytes.subarray(at - this.#from, at - this.#from + length)
  }
}
