// One small value under one key, changed by compare-and-set. A lost answer is settled by the write id, so that no change
// is applied twice; where the platform limits writes to one key, updates in one process are coalesced.

import { backOff, type BackoffOptions } from '../base/backoff.js'
import { fromUtf8, toHex, utf8 } from '../base/bytes.js'
import type { Clock } from '../base/clock.js'
import { isStorageError, StorageError } from '../base/errors.js'
import { newWriteId, openEnvelope, sealEnvelope } from '../codec/envelope.js'
import type { BlobStore } from '../ports/blob-store.js'
import type { WriteDurability } from '../ports/options.js'

const JSON_CODEC = 1
const MAX_ATTEMPTS = 64
const BACKOFF: BackoffOptions = { firstMs: 4, maxMs: 1_500 }
/** After a 429: the platform allows one write a second, so several writers need a wide spread. */
const SLOW_BACKOFF: BackoffOptions = { firstMs: 400, maxMs: 8_000 }

export interface CellOptions {
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly key: string
  readonly durability?: WriteDurability
}

/** As stored: the value, and the ids of the last writes, so that a writer whose answer was lost finds itself also after others wrote. */
type StoredCell<T> = readonly [value: T, recentWriteIds: readonly string[]]

const REMEMBERED_WRITES = 8

/** `settled`: it is stored, as the cell read anew says; others may have written behind it. */
type Outcome = 'stored' | 'settled' | 'lost' | 'busy'

interface Write {
  readonly writeId: Uint8Array
  readonly durability: WriteDurability | undefined
}

export interface CellSnapshot<T> {
  readonly value: T | undefined
  /** undefined where the cell does not exist. */
  readonly version: string | undefined
  readonly writeIds: readonly string[]
}

/** `undefined` from a change function means: leave it as it is. */
export type Change<T> = (value: T | undefined) => T | undefined | Promise<T | undefined>

/** `T` is anything that JSON keeps. */
export class Cell<T> {
  readonly #options: CellOptions
  #known: CellSnapshot<T> | undefined

  constructor(options: CellOptions) {
    this.#options = options
  }

  /** Of what was read or stored last; undefined where there was nothing. */
  get version(): string | undefined {
    return this.#known?.version
  }

  /** What was read or stored last. */
  get known(): CellSnapshot<T> | undefined {
    return this.#known
  }

  async read(signal?: AbortSignal): Promise<CellSnapshot<T>> {
    const { blobs, key } = this.#options
    const blob = await blobs.get(key, signal === undefined ? {} : { signal })
    if (blob === undefined) return this.#remember({ value: undefined, version: undefined, writeIds: [] })
    const [value, writeIds] = decodeCell<T>(openEnvelope(blob.data, 'cell', key).body, key)
    return this.#remember({ value, version: blob.version, writeIds })
  }

  /**
   * Applies `change` to the newest value and stores the result; it may run several times. Resolves to the value that is
   * stored at the end. `unavailable` when too many others changed the cell at once.
   */
  async update(change: Change<T>, signal?: AbortSignal, durability = this.#options.durability): Promise<T | undefined> {
    const { clock, key } = this.#options
    const tries = new Set<string>()
    let current = this.#known ?? (await this.read(signal))
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      // A put that timed out may be done long after that: its change is not made once more.
      if (current.writeIds.some((id) => tries.has(id))) return current.value
      const next = await change(current.value)
      if (next === undefined) {
        const fresh = await this.read(signal)
        if (fresh.version === current.version) return current.value
        current = fresh
        continue
      }
      const writeId = newWriteId()
      tries.add(nameOf(writeId))
      const outcome = await this.#tryPut(next, current, { writeId, durability })
      if (outcome === 'stored') return next
      if (outcome === 'settled') return this.#known?.value
      // A lost race is tried again at once, then ever more patiently.
      if (outcome === 'busy' || attempt > 0) await backOff(clock, attempt, outcome === 'busy' ? SLOW_BACKOFF : BACKOFF, signal)
      current = await this.read(signal)
    }
    throw new StorageError('unavailable', 'too many writers changed the same cell at once', { key, facts: { attempts: MAX_ATTEMPTS } })
  }

  /** Puts a value in the place of one that cannot be read, if it is still this version (undefined: nothing); else `conflict`. */
  async replace(value: T, version: string | undefined, durability = this.#options.durability): Promise<void> {
    const outcome = await this.#tryPut(value, { value: undefined, version, writeIds: [] }, { writeId: newWriteId(), durability })
    if (outcome === 'stored' || outcome === 'settled') return
    throw new StorageError('conflict', 'somebody else has replaced the cell', { key: this.#options.key })
  }

  async #tryPut(value: T, current: CellSnapshot<T>, { writeId, durability }: Write): Promise<Outcome> {
    const { blobs, key } = this.#options
    const id = nameOf(writeId)
    const writeIds = [...current.writeIds.slice(1 - REMEMBERED_WRITES), id]
    const stored: StoredCell<T> = [value, writeIds]
    const bytes = sealEnvelope({ kind: 'cell', codec: JSON_CODEC, writeId }, utf8(JSON.stringify(stored)))
    const when = current.version === undefined ? 'absent' : { version: current.version }
    try {
      const info = await blobs.put(key, bytes, durability === undefined ? { when } : { when, durability })
      this.#remember({ value, version: info.version, writeIds })
      return 'stored'
    } catch (error) {
      const conflict = isStorageError(error, 'conflict')
      if (!conflict && !isStorageError(error, 'unavailable')) throw error
      const now = await this.read()
      if (now.writeIds.includes(id)) return 'settled'
      return conflict ? 'lost' : 'busy'
    }
  }

  #remember(snapshot: CellSnapshot<T>): CellSnapshot<T> {
    this.#known = snapshot
    return snapshot
  }
}

/** As it stands among the recent writes. */
function nameOf(writeId: Uint8Array): string {
  return toHex(writeId.subarray(0, 8))
}

function decodeCell<T>(bytes: Uint8Array, key: string): StoredCell<T> {
  const stored = parse(bytes, key)
  if (Array.isArray(stored) && Array.isArray(stored[1])) return stored as unknown as StoredCell<T>
  throw new StorageError('corrupt', 'a cell does not hold a value and its writes', { key })
}

function parse(bytes: Uint8Array, key: string): unknown {
  try {
    return JSON.parse(fromUtf8(bytes))
  } catch (cause) {
    throw new StorageError('corrupt', 'a cell does not hold JSON', { key, cause })
  }
}
