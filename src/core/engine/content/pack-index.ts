// Which chunk lies where, in memory: entries as they stand in packs, one after another in blocks of plain bytes, and a
// table of hashes over them. About 60 bytes a chunk, so that a million of them fit anywhere.

import { viewOf } from '../../base/bytes.js'
import { idInto, idText, kindOfByte } from './chunk-id.js'
import type { ChunkId, ChunkKind } from './chunks.js'
import { type ChunkPlace, ENTRY_BYTES } from './pack-format.js'

const BLOCK_BITS = 10
const BLOCK_ENTRIES = 1 << BLOCK_BITS
const BLOCK_BYTES = BLOCK_ENTRIES * ENTRY_BYTES
const WORDS = ENTRY_BYTES / 4
/** Of the id: eight words of hash; the byte behind them is the algorithm. */
const HASH_WORDS = 8
const FIRST_SLOTS = 1 << 10

export interface KnownPack {
  readonly name: string
  /** Of the blob. */
  readonly bytes: number
  /** Its entries are `[first, first + count)`. */
  readonly first: number
  readonly count: number
}

interface Block {
  readonly bytes: Uint8Array
  readonly words: Uint32Array
  readonly packs: Uint32Array
}

export class PackIndex {
  readonly #blocks: Block[] = []
  readonly #packs: (KnownPack | undefined)[] = []
  readonly #numbers = new Map<string, number>()
  #slots = new Int32Array(FIRST_SLOTS)
  #entries = 0
  #dead = 0
  readonly #wanted = new Uint8Array(36)
  readonly #wantedWords = new Uint32Array(this.#wanted.buffer, 0, HASH_WORDS)

  /** Of all packs that count. */
  get chunks(): number {
    return this.#entries - this.#dead
  }

  /** Numbers of entries are below this. */
  get entries(): number {
    return this.#entries
  }

  /** Rather made anew. */
  get isMostlyDead(): boolean {
    return this.#dead > BLOCK_ENTRIES && this.#dead * 2 > this.#entries
  }

  *packs(): Generator<KnownPack> {
    for (const pack of this.#packs) if (pack !== undefined) yield pack
  }

  pack(name: string): KnownPack | undefined {
    const number = this.#numbers.get(name)
    return number === undefined ? undefined : this.#packs[number]
  }

  /** `entries` as in a pack's table. A pack that is known already stays as it is. */
  add(name: string, bytes: number, entries: Uint8Array): void {
    if (this.#numbers.has(name)) return
    const number = this.#packs.length
    const pack = { name, bytes, first: this.#entries, count: entries.length / ENTRY_BYTES }
    this.#packs.push(pack)
    this.#numbers.set(name, number)
    for (let at = 0; at < entries.length; ) at += this.#append(entries.subarray(at), number)
  }

  remove(name: string): void {
    const number = this.#numbers.get(name)
    if (number === undefined) return
    this.#dead += this.#packs[number]?.count ?? 0
    this.#packs[number] = undefined
    this.#numbers.delete(name)
  }

  /** The numbers of all entries of a chunk, in packs that count. */
  find(id: ChunkId): number[] {
    return this.everKnown(id).filter((entry) => this.packOf(entry) !== undefined)
  }

  /** Also those in packs that were removed since. */
  everKnown(id: ChunkId): number[] {
    const found: number[] = []
    if (!idInto(id, this.#wanted, 0)) return found
    const mask = this.#slots.length - 1
    for (let slot = (this.#wantedWords[0] as number) & mask; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const entry = (this.#slots[slot] as number) - 1
      if (this.#isWanted(entry)) found.push(entry)
    }
    return found
  }

  /** undefined where its pack does not count any more. */
  packOf(entry: number): KnownPack | undefined {
    return this.#packs[this.#block(entry).packs[entry & (BLOCK_ENTRIES - 1)] as number]
  }

  place(entry: number): ChunkPlace {
    const view = viewOf(this.bytes(entry))
    return { at: view.getUint32(36, true), storedBytes: view.getUint32(40, true), plainBytes: view.getUint32(44, true) }
  }

  idOf(entry: number): ChunkId {
    const bytes = this.bytes(entry)
    return idText(bytes, bytes[32] as number)
  }

  kindOf(entry: number): ChunkKind | undefined {
    return kindOfByte(this.bytes(entry)[33] as number)
  }

  /** As in a pack's table; a view. */
  bytes(entry: number): Uint8Array {
    const at = (entry & (BLOCK_ENTRIES - 1)) * ENTRY_BYTES
    return this.#block(entry).bytes.subarray(at, at + ENTRY_BYTES)
  }

  /** As many as the last block has room for; gives how many bytes those are. */
  #append(entries: Uint8Array, pack: number): number {
    const at = this.#entries & (BLOCK_ENTRIES - 1)
    if (at === 0) this.#blocks.push(newBlock())
    const count = Math.min(BLOCK_ENTRIES - at, entries.length / ENTRY_BYTES)
    const block = this.#blocks.at(-1) as Block
    block.bytes.set(entries.subarray(0, count * ENTRY_BYTES), at * ENTRY_BYTES)
    block.packs.fill(pack, at, at + count)
    while ((this.#entries + count) * 2 > this.#slots.length) this.#widen()
    for (let n = 0; n < count; n++) this.#enter(this.#entries + n)
    this.#entries += count
    return count * ENTRY_BYTES
  }

  #enter(entry: number): void {
    const mask = this.#slots.length - 1
    let slot = (this.#block(entry).words[(entry & (BLOCK_ENTRIES - 1)) * WORDS] as number) & mask
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
    this.#slots[slot] = entry + 1
  }

  #widen(): void {
    this.#slots = new Int32Array(this.#slots.length * 2)
    for (let entry = 0; entry < this.#entries; entry++) this.#enter(entry)
  }

  #isWanted(entry: number): boolean {
    const { words, bytes } = this.#block(entry)
    const at = (entry & (BLOCK_ENTRIES - 1)) * WORDS
    for (let word = 0; word < HASH_WORDS; word++) if (words[at + word] !== this.#wantedWords[word]) return false
    return bytes[at * 4 + 32] === this.#wanted[32]
  }

  #block(entry: number): Block {
    return this.#blocks[entry >>> BLOCK_BITS] as Block
  }
}

function newBlock(): Block {
  const bytes = new Uint8Array(BLOCK_BYTES)
  return { bytes, words: new Uint32Array(bytes.buffer), packs: new Uint32Array(BLOCK_ENTRIES) }
}

/** The same without what does not count. */
export function withoutDead(index: PackIndex): PackIndex {
  const fresh = new PackIndex()
  for (const pack of index.packs()) fresh.add(pack.name, pack.bytes, entriesOf(index, pack))
  return fresh
}

/** All entries of a pack, as in its table. */
export function entriesOf(index: PackIndex, { first, count }: KnownPack): Uint8Array {
  const entries = new Uint8Array(count * ENTRY_BYTES)
  for (let i = 0; i < count; i++) entries.set(index.bytes(first + i), i * ENTRY_BYTES)
  return entries
}
