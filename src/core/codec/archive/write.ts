// Sections become the bytes of an archive, one at a time: no more of it is in memory than the one that is being written.

import { concatBytes, utf8 } from '../../base/bytes.js'
import { StorageError } from '../../base/errors.js'
import { compressBytes } from '../compression.js'
import { ArchiveDigest } from './digest.js'
import { encodeArchiveHeader, encodeSectionHeader, MAX_SECTION_BYTES, SECTION, type SectionType } from './format.js'

/** Fast rather than small: chunks are compressed already. */
const LEVEL = 1

/** What a section counts for in the sums at the end of the archive. */
export type ArchiveCounts = Readonly<Record<string, number>>

export interface SectionToWrite {
  readonly type: SectionType
  readonly body: Uint8Array
  /** Older versions may skip it. */
  readonly isOptional?: boolean
  /** False where the body is compressed already. */
  readonly compress?: boolean
  readonly counts?: ArchiveCounts
}

export interface ArchiveSums {
  readonly sections: number
  /** Before the last section. */
  readonly bytes: number
  readonly counts: ArchiveCounts
}

/** The archive, in pieces as they are to be stored. */
export async function* writeArchive(sections: AsyncIterable<SectionToWrite>, createdAt: number): AsyncGenerator<Uint8Array> {
  const writer = new ArchiveWriter()
  yield await writer.begin(createdAt)
  for await (const section of sections) yield await writer.section(section)
  yield await writer.end()
}

class ArchiveWriter {
  readonly #digest = new ArchiveDigest()
  readonly #counts = new Map<string, number>()
  #id: Uint8Array = new Uint8Array(0)
  #number = 0
  #bytes = 0

  async begin(createdAt: number): Promise<Uint8Array> {
    const { bytes, id } = encodeArchiveHeader(createdAt)
    this.#id = id
    this.#bytes = bytes.length
    await this.#digest.begin(bytes)
    return bytes
  }

  async section({ type, body, isOptional = false, compress = true, counts = {} }: SectionToWrite): Promise<Uint8Array> {
    if (body.length > MAX_SECTION_BYTES) {
      throw new StorageError('invalid', 'too large for a section of an archive', { facts: { type, bytes: body.length } })
    }
    const stored = await compressBytes(compress ? 'gzip' : 'none', body, LEVEL)
    const fields = { isOptional, compression: stored.compression, storedLength: stored.bytes.length, plainLength: body.length }
    const place = { id: this.#id, number: this.#number++ }
    const header = encodeSectionHeader({ type: SECTION[type], ...fields }, stored.bytes, place)
    await this.#digest.add(header, stored.bytes)
    this.#bytes += header.length + stored.bytes.length
    for (const [name, count] of Object.entries(counts)) this.#counts.set(name, (this.#counts.get(name) ?? 0) + count)
    return concatBytes([header, stored.bytes])
  }

  async end(): Promise<Uint8Array> {
    const sums: ArchiveSums = { sections: this.#number, bytes: this.#bytes, counts: Object.fromEntries(this.#counts) }
    const body = concatBytes([this.#digest.value, utf8(JSON.stringify(sums))])
    return this.section({ type: 'end', body, compress: false })
  }
}
