// Ranges of packs, read together: what is asked for in one turn and lies next to each other is one read. A small pack is
// read whole and kept for a while: the next piece of it is nearly always asked for next.

import { StorageError } from '../../base/errors.js'
import { inParallel } from '../../base/in-parallel.js'
import type { BlobStore } from '../../ports/blob-store.js'
import { packKey } from './pack-catalogue.js'
import type { KnownPack } from './pack-index.js'

/** Reading so much more costs less than another request. */
const GAP_BYTES = 64 * 1024
const MAX_RUN_BYTES = 8 * 1024 * 1024
const WHOLE_BYTES = 256 * 1024
const KEPT_BYTES = 8 * 1024 * 1024
const READS = 4

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

export class PackReader {
  readonly #blobs: BlobStore
  readonly #path: string
  #waiting: Wanted[] = []
  readonly #kept = new Map<string, Uint8Array>()
  #keptBytes = 0

  constructor(blobs: BlobStore, path: string) {
    this.#blobs = blobs
    this.#path = path
  }

  /** A part of a pack; a view of what others may be reading. `missing` when the pack is gone; fewer bytes when it is too short. */
  read(pack: KnownPack, start: number, end: number): Promise<Uint8Array> {
    const kept = this.#kept.get(pack.name)
    if (kept !== undefined) return Promise.resolve(kept.subarray(start, end))
    return new Promise((resolve, reject) => {
      this.#waiting.push({ pack, start, end, resolve, reject })
      if (this.#waiting.length === 1) queueMicrotask(() => void this.#readAll())
    })
  }

  /** Lets go of what it keeps of a pack. */
  forget(pack: string): void {
    this.#keptBytes -= this.#kept.get(pack)?.length ?? 0
    this.#kept.delete(pack)
  }

  /** Never rejects: each who waits is told. */
  async #readAll(): Promise<void> {
    const waiting = this.#waiting
    this.#waiting = []
    await inParallel(runsOf(waiting), READS, async (run) => {
      try {
        const bytes = await this.#readRun(run)
        for (const { start, end, resolve } of run.wanted) resolve(bytes.subarray(start - run.start, end - run.start))
      } catch (error) {
        for (const { reject } of run.wanted) reject(error)
      }
    })
  }

  async #readRun({ pack, start, end }: Run): Promise<Uint8Array> {
    const key = packKey(this.#path, pack.name)
    const isWhole = start === 0 && end === pack.bytes
    const blob = await this.#blobs.get(key, isWhole ? {} : { range: { start, end } })
    if (blob === undefined) throw new StorageError('missing', 'a pack of chunks is not there', { key: pack.name })
    if (isWhole) this.#keep(pack.name, blob.data)
    return blob.data
  }

  #keep(name: string, bytes: Uint8Array): void {
    if (bytes.length > WHOLE_BYTES) return
    this.forget(name)
    this.#kept.set(name, bytes)
    this.#keptBytes += bytes.length
    for (const oldest of this.#kept.keys()) {
      if (this.#keptBytes <= KEPT_BYTES) return
      this.forget(oldest)
    }
  }
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
    const isNear = last !== undefined && one.start - last.end <= GAP_BYTES && one.end - last.start <= MAX_RUN_BYTES
    if (!isNear) {
      runs.push({ pack, start: one.start, end: one.end, wanted: [one] })
      continue
    }
    last.end = Math.max(last.end, one.end)
    last.wanted.push(one)
  }
  return runs
}
