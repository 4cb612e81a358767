// An archive read section by section, each checked before anybody sees it: a flipped bit, a missing or a foreign section
// and a cut are `corrupt`, and the error says where.

import { equalBytes, fromUtf8 } from '../../base/bytes.js'
import { isStorageError, StorageError } from '../../base/errors.js'
import { decompressBytes } from '../compression.js'
import { crc32c } from '../crc32c.js'
import { type ArchiveSource, ByteSource } from './byte-source.js'
import type { EncryptionSecret } from '../secret.js'
import { ArchiveDigest } from './digest.js'
import {
  ARCHIVE_HEADER_BYTES,
  type ArchiveHeader,
  decodeArchiveHeader,
  decodeSectionHeader,
  SECTION_HEADER_BYTES,
  type SectionHeader,
  sectionName,
  type SectionType,
} from './format.js'
import { archiveError, OpenedArchive } from './open.js'
import type { ArchiveSums } from './write.js'

const DIGEST_BYTES = 32

export interface ReadSection {
  readonly type: SectionType
  readonly number: number
  /** Of its header in the archive. */
  readonly position: number
  readonly body: Uint8Array
}

export class ArchiveReader {
  readonly #opened: OpenedArchive
  readonly #source: ByteSource
  readonly #digest = new ArchiveDigest()
  #header: ArchiveHeader | undefined
  #number = 0
  #at = 0
  #sums: ArchiveSums | undefined

  constructor(source: ArchiveSource, secret?: EncryptionSecret) {
    this.#opened = new OpenedArchive(source, secret)
    this.#source = new ByteSource(this.#opened.bytes())
  }

  /** Bytes of the file that were read. */
  get position(): number {
    return this.#opened.position
  }

  get isEncrypted(): boolean {
    return this.#opened.isEncrypted
  }

  get header(): ArchiveHeader {
    if (this.#header === undefined) throw new StorageError('invalid', 'the archive was not read yet')
    return this.#header
  }

  /** Known once all sections were read. */
  get sums(): ArchiveSums | undefined {
    return this.#sums
  }

  /** All sections but the last one; resolves at the end of the archive, when all of it was found to be whole. */
  async *sections(signal?: AbortSignal): AsyncGenerator<ReadSection> {
    try {
      await this.#begin()
      while (this.#sums === undefined) {
        signal?.throwIfAborted()
        const section = await this.#next()
        if (section !== undefined) yield section
      }
      if ((await this.#source.take(1)).length > 0) throw damaged('bytes follow the end of the archive', this.#where())
    } finally {
      await this.#source.close()
      await this.#opened.close()
    }
  }

  async #begin(): Promise<void> {
    const bytes = await this.#source.take(ARCHIVE_HEADER_BYTES)
    this.#header = decodeArchiveHeader(bytes)
    await this.#digest.begin(bytes)
  }

  /** undefined for one that is to be skipped, and for the last one. */
  async #next(): Promise<ReadSection | undefined> {
    this.#at = this.#source.position
    const before = this.#digest.value
    const headerBytes = await this.#take(SECTION_HEADER_BYTES)
    const header = this.#placed(() => decodeSectionHeader(headerBytes, { id: this.header.id, number: this.#number }))
    const stored = await this.#take(header.storedLength)
    if (crc32c(stored) !== header.bodyCrc) throw damaged('a section of the archive fails its checksum', this.#where())
    await this.#digest.add(headerBytes, stored)
    const type = this.#typeOf(header)
    const number = this.#number++
    if (type === undefined) return undefined
    const body = await this.#inflate(header, stored)
    if (type === 'end') this.#sums = this.#endOf(body, before, number)
    return type === 'end' ? undefined : { type, number, position: this.#at, body }
  }

  async #take(length: number): Promise<Uint8Array> {
    const bytes = await this.#source.take(length)
    if (bytes.length === length) return bytes
    throw damaged('the archive ends too early', { ...this.#where(), position: this.#source.position })
  }

  #typeOf({ type, isOptional }: SectionHeader): SectionType | undefined {
    const name = sectionName(type)
    if (name !== undefined || isOptional) return name
    const message = 'the archive holds something that this version of Varve does not know'
    throw archiveError('unsupported', message, { type, ...this.#where() })
  }

  async #inflate({ compression, plainLength }: SectionHeader, stored: Uint8Array): Promise<Uint8Array> {
    try {
      return await decompressBytes(compression, stored, plainLength)
    } catch (error) {
      if (!isStorageError(error, 'corrupt')) throw error
      throw damaged('a section of the archive does not inflate to what was compressed', this.#where())
    }
  }

  #endOf(body: Uint8Array, digest: Uint8Array, number: number): ArchiveSums {
    const sums = this.#placed(() => parseSums(body.subarray(DIGEST_BYTES)))
    const isSame = equalBytes(body.subarray(0, DIGEST_BYTES), digest) && sums.sections === number && sums.bytes === this.#at
    if (!isSame) throw damaged('the archive is not what its end says', this.#where())
    return sums
  }

  #placed<T>(run: () => T): T {
    try {
      return run()
    } catch (error) {
      throw this.#told(error)
    }
  }

  /** The same error, with where it was. */
  #told(error: unknown): unknown {
    if (!isStorageError(error)) return error
    const { code, message, facts } = error
    return new StorageError(code, message, { operation: 'openArchive', facts: { ...facts, ...this.#where() }, cause: error })
  }

  #where(): { readonly section: number; readonly position: number } {
    return { section: this.#number, position: this.#at }
  }
}

function damaged(message: string, facts: Record<string, unknown>): StorageError {
  return archiveError('corrupt', message, facts)
}

function parseSums(body: Uint8Array): ArchiveSums {
  const sums = parseObject(body)
  const { sections, bytes, counts } = sums
  if (typeof sections !== 'number' || typeof bytes !== 'number' || typeof counts !== 'object' || counts === null) {
    throw new StorageError('corrupt', 'the end of the archive does not say what is in it')
  }
  return sums as unknown as ArchiveSums
}

/** `corrupt` for anything but an object in JSON. */
export function parseObject(body: Uint8Array): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(fromUtf8(body))
  } catch (cause) {
    throw new StorageError('corrupt', 'a section of the archive does not hold JSON', { cause })
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new StorageError('corrupt', 'a section of the archive does not hold an object')
}
