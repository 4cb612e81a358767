// Blocks of blobs that never change, kept on another backend: what is read often need not come from far away. It is never
// needed: whatever fails here is as if nothing were kept, and for a while it is not asked again. Several processes may keep
// theirs in the same place; each knows of the others what it finds when it lists.

import type { Clock } from '../base/clock.js'
import { addDependent } from '../base/dependents.js'
import { isStorageError } from '../base/errors.js'
import { Mutex } from '../base/mutex.js'
import type { Backend } from '../ports/backend.js'
import type { BlobStore } from '../ports/blob-store.js'
import { BlockOrder, costOf } from './block-order.js'
import { type BlobPart, type Block, BLOCKS, blockName, blocksIn, keyOfBlock, openBlock } from './cached-block.js'
import { readOrder, writeOrder } from './saved-order.js'

/** How long it is not asked after something failed. */
const REST_MS = 5_000
/** What may wait to be stored behind the backs of those who read. */
const WAITING_BYTES = 16 * 1024 * 1024
/** After so much of the limit was stored, others may have stored as much: it lists again. */
const LISTED_PART = 1 / 8
/** What is dropped when it is full is a little more than needs be. */
const LEFT_PART = 15 / 16
const SMALLER_PART = 3 / 4
/** So many damaged blobs, and nothing is read from here any more. */
const MOST_DISTRUSTED = 1_000

export interface BlockCacheOptions {
  readonly backend: Backend
  readonly maxBytes: number
  readonly clock: Clock
  /** Nothing may outlive the call that began it. */
  readonly isRequestScoped: boolean
}

export class BlockCache {
  readonly #blobs: BlobStore
  readonly #isRequestScoped: boolean
  readonly #reads: Rest
  readonly #writes: Rest
  readonly #order = new BlockOrder()
  readonly #waiting = new Map<string, Uint8Array>()
  readonly #distrusted = new Set<string>()
  readonly #turns = new Mutex()
  readonly #leave: () => void
  #maxBytes: number
  #waitingBytes = 0
  /** Stored since it was listed last; undefined before. */
  #newBytes: number | undefined
  #isOrderSaved = true
  #closing: Promise<void> | undefined

  constructor({ backend, maxBytes, clock, isRequestScoped }: BlockCacheOptions) {
    this.#blobs = backend.blobs
    this.#maxBytes = maxBytes
    this.#isRequestScoped = isRequestScoped
    this.#reads = new Rest(clock)
    this.#writes = new Rest(clock)
    this.#leave = addDependent(backend, this)
  }

  /** Whether blocks of the blob may be read from here. */
  isTrusted(key: string): boolean {
    return this.#closing === undefined && this.#distrusted.size < MOST_DISTRUSTED && !this.#distrusted.has(key)
  }

  /** Never rejects. */
  async read(key: string, index: number): Promise<Block | undefined> {
    const name = blockName(key, index)
    try {
      const sealed = this.#waiting.get(name) ?? (await this.#stored(name))
      if (sealed === undefined) return undefined
      const block = openBlock(sealed, name, index)
      this.#order.touch(name, sealed.length)
      this.#isOrderSaved = false
      return block
    } catch {
      await this.#inTurn(() => this.#drop([name]))
      return undefined
    }
  }

  /** Keeps those blocks that lie whole in the part, behind the caller's back unless much is waiting. Never rejects. */
  async store(part: BlobPart): Promise<void> {
    if (!this.isTrusted(part.key) || this.#writes.isResting) return
    const blocks = blocksIn(part)
    for (const [name, sealed] of blocks) {
      this.#waiting.set(name, sealed)
      this.#waitingBytes += sealed.length
    }
    await this.#inTurn(() => this.#storeAll(blocks), this.#waitingBytes > WAITING_BYTES)
  }

  /** Lets go of all it has of these blobs. Never rejects. */
  async forget(keys: readonly string[]): Promise<void> {
    if (this.#closing !== undefined) return
    const gone = new Set(keys)
    await this.#inTurn(async () => {
      await this.#list()
      await this.#drop([...this.#order.names()].filter((name) => gone.has(keyOfBlock(name))))
    })
  }

  /** From this call on nothing of the blob is read from here, nor kept. Never rejects. */
  async distrust(key: string): Promise<void> {
    this.#distrusted.add(key)
    await this.forget([key])
  }

  /** Stores what waits. The backend stays open. */
  close(): Promise<void> {
    this.#closing ??= this.#turns.run(async () => {
      this.#leave()
      if (!this.#isOrderSaved && !this.#writes.isResting) await this.#saveOrder().catch(() => {})
    })
    return this.#closing
  }

  async #stored(name: string): Promise<Uint8Array | undefined> {
    if (this.#reads.isResting) return undefined
    try {
      return (await this.#blobs.get(name))?.data
    } catch {
      this.#reads.begin()
      return undefined
    }
  }

  /** One after the other; what fails makes it rest. Goes on behind the caller's back where that may be. */
  async #inTurn(task: () => Promise<void>, isAwaited = false): Promise<void> {
    const done = this.#turns.run(async () => {
      try {
        await task()
      } catch {
        this.#writes.begin()
      }
    })
    if (isAwaited || this.#isRequestScoped) await done
  }

  async #storeAll(blocks: ReadonlyMap<string, Uint8Array>): Promise<void> {
    try {
      for (const [name, sealed] of blocks) if (!this.#writes.isResting) await this.#storeOne(name, sealed)
    } finally {
      for (const [name, sealed] of blocks) {
        this.#waitingBytes -= sealed.length
        if (this.#waiting.get(name) === sealed) this.#waiting.delete(name)
      }
    }
  }

  async #storeOne(name: string, sealed: Uint8Array): Promise<void> {
    await this.#list()
    const cost = costOf(sealed.length)
    if (cost > this.#maxBytes) return
    await this.#makeRoom(cost)
    try {
      await this.#blobs.put(name, sealed, { durability: 'relaxed' })
      this.#order.touch(name, sealed.length)
      this.#newBytes = (this.#newBytes ?? 0) + cost
      this.#isOrderSaved = false
    } catch (error) {
      if (!isStorageError(error, 'quota')) throw error
      this.#maxBytes = Math.floor(this.#order.used * SMALLER_PART)
      await this.#makeRoom(0)
    }
  }

  async #makeRoom(bytes: number): Promise<void> {
    if (this.#order.used + bytes <= this.#maxBytes) return
    const names = this.#order.takeOldest(Math.min(this.#maxBytes * LEFT_PART, this.#maxBytes - bytes))
    if (names.length > 0) await this.#blobs.delete(names)
  }

  async #drop(names: readonly string[]): Promise<void> {
    for (const name of names) this.#order.remove(name)
    if (names.length > 0) await this.#blobs.delete(names)
  }

  /** At first, and when others may have stored much. */
  async #list(): Promise<void> {
    if (this.#newBytes !== undefined && this.#newBytes <= this.#maxBytes * LISTED_PART) return
    const saved = this.#newBytes === undefined ? await readOrder(this.#blobs) : undefined
    const listed = new Map<string, number>()
    for await (const { key, bytes } of this.#blobs.list({ prefix: BLOCKS })) listed.set(key, bytes)
    const known = [...this.#order.names()]
    this.#order.replace(listed, saved ?? known, saved === undefined ? [] : known)
    this.#newBytes = 0
    await this.#makeRoom(0)
    if (saved === undefined) await this.#saveOrder()
  }

  /** Where it never listed, what was used since goes behind what is known of before. */
  async #saveOrder(): Promise<void> {
    this.#isOrderSaved = true
    const used = [...this.#order.names()]
    const before = this.#newBytes === undefined ? await readOrder(this.#blobs) : []
    const isUsed = new Set(used)
    await writeOrder(this.#blobs, [...before.filter((name) => !isUsed.has(name)), ...used])
  }
}

/** After a failure it is left alone for a while. */
class Rest {
  readonly #clock: Clock
  #since = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get isResting(): boolean {
    const age = this.#clock.now() - this.#since
    return age >= 0 && age < REST_MS
  }

  begin(): void {
    this.#since = this.#clock.now()
  }
}
