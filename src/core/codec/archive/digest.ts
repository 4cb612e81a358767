import { concatBytes } from '../../base/bytes.js'
import { sha256 } from '#primitives'

/**
 * A hash of all that was added, in memory that does not grow, where a runtime hashes only what it has as a whole: it begins
 * with SHA-256 of the first piece, and goes on as SHA-256 of itself, the head of a section and SHA-256 of its body.
 */
export class ArchiveDigest {
  #value: Uint8Array = new Uint8Array(0)

  get value(): Uint8Array {
    return this.#value
  }

  async begin(header: Uint8Array): Promise<void> {
    this.#value = await sha256(header)
  }

  async add(header: Uint8Array, body: Uint8Array): Promise<void> {
    this.#value = await sha256(concatBytes([this.#value, header, await sha256(body)]))
  }
}
