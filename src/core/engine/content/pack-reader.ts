// Ranges of packs, read together: what is asked for at nearly the same time and lies next to each other is one read, who goes
// on where the last read ended gets ever more at once, and a small pack is read whole. Those bytes are kept for a while.

import { StorageError } from '../../base/errors.js'
import { inParallel } from '../../base/in-parallel.js'
import type { BlobStore } from '../../ports/blob-store.js'
import { packKey } from './pack-catalogue.js'
import { ENTRY_BYTES, TRAILER_BYTES } from './pack-format.js'
import type { KnownPack } from './pack-index.js'

/** Reading so much more costs less than another request. */
const GAP_BYTES = 64 * 1024
const MAX_RUN_BYTES = 8 * 1024 * 1024
const WHOLE_BYTES = 256 * 1024
const KEPT_BYTES = 16 * 1024 * 1024
const READS = 4
/** Others who read at the same time ask so many turns of the microtask queue later. */
const TURNS = 8
const FIRST_AHEAD_BYTES = 256 * 1024
const MAX_AHEAD_BYTES = 2 * 1024 * 1024

interface Wanted {
  readonly pack: KnownPack
  readonly start: number
  readonly end: number
  readonly resolve: (bytes: Uint8Array) => void
  readonly reject: (error: unknown) => void
}

interface Run {
  readonly pack: KnownPack
  readonly start: number
  end: number
  readonly wanted: Wanted[]
}

/** A part of a pack that is being read, or was. */
interface Kept {
  readonly start: number
  readonly end: number
  readonly bytes: Promise<Uint8Array>
  /** Bytes that nobody has asked for yet. */
  left: number
}

export class PackReader {
  readonly #blobs: BlobStore
  readonly #path: string
  #waiting: Wanted[] = []
  /** The oldest first. */
  readonly #kept = new Map<string, Kept>()
  #keptBytes = 0

  constructor(blobs: BlobStore, path: string) {
    this.#blobs = blobs
    this.#path = path
  }

  /** A part of a pack; a view of what others may be reading. `missing` when the pack is gone; fewer bytes when it is too short. */
  async read(pack: KnownPack, start: number, end: number): Promise<Uint8Array> {
    const kept = this.#kept.get(pack.name)
    if (kept !== undefined && kept.start <= start && end <= kept.end) {
      this.#given(pack.name, kept, end - start)
      return (await kept.bytes).subarray(start - kept.start, end - kept.start)
    }
    return await new Promise((resolve, reject) => {
      this.#waiting.push({ pack, start, end, resolve, reject })
      if (this.#waiting.length === 1) void this.#readSoon()
    })
  }

  /** Lets go of what it keeps of a pack. */
  forget(pack: string): void {
    const kept = this.#kept.get(pack)
    if (kept === undefined) return
    this.#keptBytes -= kept.end - kept.start
    this.#kept.delete(pack)
  }

  /** Never rejects: each who waits is told. */
  async #readSoon(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn++) await undefined
    const waiting = this.#waiting
    this.#waiting = []
    await inParallel(runsOf(waiting), READS, async (run) => {
      const kept = this.#begin(run)
      const { start, bytes } = kept
      for (const one of run.wanted) this.#given(run.pack.name, kept, one.end - one.start)
      try {
        const found = await bytes
        for (const one of run.wanted) one.resolve(found.subarray(one.start - start, one.end - start))
      } catch (error) {
        for (const { reject } of run.wanted) reject(error)
      }
    })
  }

  #begin({ pack, start, end }: Run): Kept {
    const last = this.#kept.get(pack.name)
    if (last !== undefined && last.start <= start && end <= last.end) return last
    const ahead = last === undefined || !isNear(last.end, start) ? 0 : nextAhead(last)
    const until = Math.max(end, Math.min(endOfChunks(pack), start + ahead))
    const kept = { start, end: until, bytes: this.#get(pack, start, until), left: until - start }
    this.#keep(pack.name, kept)
    return kept
  }

  /** What has been asked for once is hardly asked for again: who reads all of a large content holds little of it. */
  #given(pack: string, kept: Kept, bytes: number): void {
    kept.left -= bytes
    if (kept.left <= 0 && this.#kept.get(pack) === kept) this.forget(pack)
  }

  async #get({ name, bytes }: KnownPack, start: number, end: number): Promise<Uint8Array> {
    const isWhole = start === 0 && end === bytes
    const blob = await this.#blobs.get(packKey(this.#path, name), isWhole ? {} : { range: { start, end } })
    if (blob === undefined) throw new StorageError('missing', 'a pack of chunks is not there', { key: name })
    return blob.data
  }

  #keep(name: string, kept: Kept): void {
    this.forget(name)
    this.#kept.set(name, kept)
    this.#keptBytes += kept.end - kept.start
    kept.bytes.catch(() => {
      if (this.#kept.get(name) === kept) this.forget(name)
    })
    for (const oldest of this.#kept.keys()) {
      if (this.#keptBytes <= KEPT_BYTES) return
      this.forget(oldest)
    }
  }
}

function endOfChunks({ bytes, count }: KnownPack): number {
  return bytes - TRAILER_BYTES - count * ENTRY_BYTES
}

function isNear(end: number, start: number): boolean {
  return start <= end + GAP_BYTES && start >= end - GAP_BYTES
}

function nextAhead({ start, end }: Kept): number {
  return Math.min(MAX_AHEAD_BYTES, Math.max(FIRST_AHEAD_BYTES, (end - start) * 2))
}

function runsOf(waiting: readonly Wanted[]): Run[] {
  const packs = new Map<string, Wanted[]>()
  for (const one of waiting) {
    const same = packs.get(one.pack.name)
    if (same === undefined) packs.set(one.pack.name, [one])
    else same.push(one)
  }
  return [...packs.values()].flatMap(runsOfPack)
}

function runsOfPack(wanted: Wanted[]): Run[] {
  const { pack } = wanted[0] as Wanted
  if (pack.bytes <= WHOLE_BYTES) return [{ pack, start: 0, end: pack.bytes, wanted }]
  const runs: Run[] = []
  for (const one of wanted.sort((a, b) => a.start - b.start)) {
    const last = runs.at(-1)
    const isNext = last !== undefined && one.start - last.end <= GAP_BYTES && one.end - last.start <= MAX_RUN_BYTES
    if (!isNext) {
      runs.push({ pack, start: one.start, end: one.end, wanted: [one] })
      continue
    }
    last.end = Math.max(last.end, one.end)
    last.wanted.push(one)
  }
  return runs
}
