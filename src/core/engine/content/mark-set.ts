// Which chunks are reachable: a bit for each entry of the tables as they were when marking began, and names for what was put since.

import type { ChunkId } from './chunks.js'
import type { KnownPack, PackIndex } from './pack-index.js'

/** What a chunk takes in a pack besides its bytes: its header and its entry. */
export const CHUNK_OVERHEAD_BYTES = 100

export class MarkSet {
  readonly #index: PackIndex
  readonly #isDoomed: (pack: string) => boolean
  readonly #bits: Uint32Array
  readonly #strangers = new Set<ChunkId>()
  #chunks = 0
  #bytes = 0

  /** `isDoomed`: packs that are going to be deleted anyway. Where a chunk lies in others too, it is those that keep it. */
  constructor(index: PackIndex, isDoomed: (pack: string) => boolean) {
    this.#index = index
    this.#isDoomed = isDoomed
    this.#bits = new Uint32Array((index.entries + 31) >>> 5)
  }

  /** Reachable ones. */
  get chunks(): number {
    return this.#chunks
  }

  /** What they take, each once. */
  get bytes(): number {
    return this.#bytes
  }

  /** True where it was not marked before. */
  mark(id: ChunkId): boolean {
    const entries = this.#known(id)
    if (entries.some((entry) => this.#has(entry))) return false
    const entry = entries.find((one) => this.#isKept(one)) ?? entries[0]
    if (entry === undefined) return this.#markStranger(id)
    this.#bits[entry >>> 5] = (this.#bits[entry >>> 5] as number) | (1 << (entry & 31))
    this.#chunks++
    this.#bytes += CHUNK_OVERHEAD_BYTES + this.#index.place(entry).storedBytes
    return true
  }

  has(id: ChunkId): boolean {
    return this.#strangers.has(id) || this.#known(id).some((entry) => this.#has(entry))
  }

  /** Of what the pack holds and has to keep: chunks that lie elsewhere too are counted once. */
  liveBytes({ first, count }: KnownPack): number {
    let bytes = 0
    for (let entry = first; entry < first + count; entry++) {
      if (this.#has(entry)) bytes += CHUNK_OVERHEAD_BYTES + this.#index.place(entry).storedBytes
    }
    return bytes
  }

  #markStranger(id: ChunkId): boolean {
    if (this.#strangers.has(id)) return false
    this.#strangers.add(id)
    this.#chunks++
    return true
  }

  #isKept(entry: number): boolean {
    const pack = this.#index.packOf(entry)
    return pack !== undefined && !this.#isDoomed(pack.name)
  }

  /** Entries that came since have no bit; those that went since keep theirs: the chunk may lie in a pack that is going to go. */
  #known(id: ChunkId): number[] {
    return this.#index.everKnown(id).filter((entry) => entry >>> 5 < this.#bits.length)
  }

  #has(entry: number): boolean {
    return ((this.#bits[entry >>> 5] ?? 0) & (1 << (entry & 31))) !== 0
  }
}
