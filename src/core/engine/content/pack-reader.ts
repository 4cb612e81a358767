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
/** Who reads all of a content goes on in two places of a pack by turns: where the leaves lie, and where the nodes above them do. */
const WINDOWS = 2
const MOST_PACKS = 1_000

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
  /** undefined once all of it was asked for: where it ended still tells who goes on from there. */
  bytes: Promise<Uint8Array> | undefined
  /** Bytes that nobody has asked for yet. */
  left: number
}

interface Reading {
  readonly window: Kept
  readonly bytes: Promise<Uint8Array>
}

export class PackReader {
  readonly #blobs: BlobStore
  readonly #path: string
  #waiting: Wanted[] = []
  /** By packs, the oldest first, and so in each. */
  readonly #kept = new Map<string, readonly Kept[]>()
  #keptBytes = 0

  constructor(blobs: BlobStore, path: string) {
    this.#blobs = blobs
    this.#path = path
  }

  /** A part of a pack; a view of what others may be reading. `missing` when the pack is gone; fewer bytes when it is too short. */
  async read(pack: KnownPack, start: number, end: number): Promise<Uint8Array> {
    const kept = this.#with(pack.name, start, end)
    if (kept !== undefined) {
      this.#given(kept.window, end - start)
      return (await kept.bytes).subarray(start - kept.window.start, end - kept.window.start)
    }
    return await new Promise((resolve, reject) => {
      this.#waiting.push({ pack, start, end, resolve, reject })
      if (this.#waiting.length === 1) void this.#readSoon()
    })
  }

  /** Lets go of what it keeps of a pack. */
  forget(pack: string): void {
    for (const window of this.#kept.get(pack) ?? []) this.#empty(window)
    this.#kept.delete(pack)
  }

  /** Never rejects: each who waits is told. */
  async #readSoon(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn++) await undefined
    const waiting = this.#waiting
    this.#waiting = []
    await inParallel(runsOf(waiting), READS, async (run) => {
      const { window, bytes } = this.#begin(run)
      const { start } = window
      for (const one of run.wanted) this.#given(window, one.end - one.start)
      try {
        const found = await bytes
        for (const one of run.wanted) one.resolve(found.subarray(one.start - start, one.end - start))
      } catch (error) {
        for (const { reject } of run.wanted) reject(error)
      }
    })
  }

  #begin({ pack, start, end }: Run): Reading {
    const kept = this.#with(pack.name, start, end)
    if (kept !== undefined) return kept
    const last = this.#kept.get(pack.name)?.find((one) => isNear(one.end, start))
    const until = Math.max(end, Math.min(endOfChunks(pack), start + (last === undefined ? 0 : nextAhead(last))))
    const bytes = this.#get(pack, start, until)
    const window = { start, end: until, bytes, left: until - start }
    bytes.catch(() => this.#empty(window))
    this.#keep(pack.name, window, last)
    return { window, bytes }
  }

  #with(pack: string, start: number, end: number): Reading | undefined {
    for (const window of this.#kept.get(pack) ?? []) {
      if (window.bytes !== undefined && window.start <= start && end <= window.end) return { window, bytes: window.bytes }
    }
    return undefined
  }

  /** What has been asked for once is hardly asked for again: who reads all of a large content holds little of it. */
  #given(window: Kept, bytes: number): void {
    window.left -= bytes
    if (window.left <= 0) this.#empty(window)
  }

  #empty(window: Kept): void {
    if (window.bytes !== undefined) this.#keptBytes -= window.end - window.start
    window.bytes = undefined
  }

  async #get({ name, bytes }: KnownPack, start: number, end: number): Promise<Uint8Array> {
    const isWhole = start === 0 && end === bytes
    const blob = await this.#blobs.get(packKey(this.#path, name), isWhole ? {} : { range: { start, end } })
    if (blob === undefined) throw new StorageError('missing', 'a pack of chunks is not there', { key: name })
    return blob.data
  }

  /** In the place of the one that it goes on from, else of the oldest. */
  #keep(pack: string, window: Kept, last: Kept | undefined): void {
    const others = (this.#kept.get(pack) ?? []).filter((one) => one !== last)
    const left = others.slice(Math.max(0, others.length + 1 - WINDOWS))
    for (const one of this.#kept.get(pack) ?? []) if (!left.includes(one)) this.#empty(one)
    this.#kept.delete(pack)
    this.#kept.set(pack, [...left, window])
    this.#keptBytes += window.end - window.start
    for (const oldest of this.#kept.keys()) {
      if (this.#keptBytes <= KEPT_BYTES && this.#kept.size <= MOST_PACKS) return
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
