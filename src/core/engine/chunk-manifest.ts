// What a log of chunks says about itself: the segments that hold its older part, from which chunk on the rest lies in
// chunks, and which merged chunks may still be there. One cell, changed by compare-and-set, so that of two who merge the
// same chunks one wins.

import type { Clock } from '../base/clock.js'
import { StorageError } from '../base/errors.js'
import { Mutex } from '../base/mutex.js'
import type { BlobStore } from '../ports/blob-store.js'
import type { WriteDurability } from '../ports/options.js'
import { Cell } from './cell.js'
import type { SealedSegment } from './log-manifest.js'

/** Where a log ends that goes on in chunks. */
export interface ChunkEnd {
  /** Number of the next chunk. */
  readonly chunk: number
  readonly next: number
  /** Header checksum of the last frame, as it lay in its chunk. */
  readonly chain: number
  /** Greatest so far, ms. */
  readonly timestamp: number
}

/** Merged chunks that were not deleted yet. */
export interface Leftover {
  /** All chunks below this one. */
  readonly before: number
  /** A time at which the manifest certainly said that they are merged, ms; absent until somebody found it stored. */
  readonly at?: number
}

export interface ChunkManifest {
  readonly format: 1
  readonly segments: readonly SealedSegment[]
  /** What was trimmed lies below; absent where nothing was. */
  readonly first?: number
  /** No append follows, and the chunk that says so was merged. */
  readonly sealed?: true
  /** The end of what lies in segments, or was dropped: chunks count from here. */
  readonly merged: ChunkEnd
  /** Number in the name of the last segment that was entered; one with this number or a lower one that is not listed is garbage. */
  readonly sequence: number
  readonly leftovers: readonly Leftover[]
  /** Where puts are relaxed: everything below was flushed. */
  readonly durable?: number
  /** Hints of where later chunks begin. */
  readonly places: readonly (readonly [chunk: number, base: number])[]
}

/** A reader or writer that does not see a change of the manifest for half of this must look before it trusts what it knows. */
export const GRACE_MS = 10 * 60_000
const DATED_APART_MS = GRACE_MS / 4
const MAX_PLACES = 4_096

export interface ManifestCellOptions {
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly key: string
  /** The end of a log that holds nothing. */
  readonly start: ChunkEnd
  /** Told whenever another value is known. */
  readonly onChange: () => void
}

export class ManifestCell {
  readonly #options: ManifestCellOptions
  readonly #cell: Cell<Partial<ChunkManifest>>
  readonly #mutex = new Mutex()
  #value: ChunkManifest
  #version: string | undefined
  #knownAt = Number.NEGATIVE_INFINITY

  constructor(options: ManifestCellOptions) {
    this.#options = options
    const { blobs, clock, key } = options
    this.#cell = new Cell({ blobs, clock, key })
    this.#value = this.#whole(undefined)
  }

  /** As last seen. */
  get value(): ChunkManifest {
    return this.#value
  }

  /** The stored version of it; undefined where nothing is stored. */
  get version(): string | undefined {
    return this.#version
  }

  /** The value was the stored one at some time after this, ms. */
  get knownAt(): number {
    return this.#knownAt
  }

  /** Reads it anew; true when it had changed. */
  read(): Promise<boolean> {
    return this.#mutex.run(async () => {
      const before = this.#version
      const from = this.#options.clock.now()
      const { value } = await this.#cell.read()
      this.#take(value, from)
      return before !== this.#version
    })
  }

  /**
   * Stores what `change` makes of the newest one; undefined leaves it. True when that was stored. `change` may run
   * again after somebody else was first. `strict`, because what it names may be deleted next; a hint may be lost.
   */
  change(
    change: (manifest: ChunkManifest) => ChunkManifest | undefined,
    durability: WriteDurability | undefined = 'strict',
  ): Promise<boolean> {
    return this.#mutex.run(async () => {
      const { clock } = this.#options
      const from = clock.now()
      let proposed: ChunkManifest | undefined
      const value = await this.#cell.update(
        (stored) => {
          proposed = change(dateLeftovers(this.#whole(stored), clock.now()))
          return proposed
        },
        undefined,
        durability,
      )
      this.#take(value, from)
      return proposed !== undefined
    })
  }

  #take(value: Partial<ChunkManifest> | undefined, knownAt: number): void {
    this.#knownAt = knownAt
    if (this.#cell.version === this.#version) return
    this.#version = this.#cell.version
    this.#value = this.#whole(value)
    this.#options.onChange()
  }

  /** The first logs store hints only. */
  #whole(stored: Partial<ChunkManifest> | undefined): ChunkManifest {
    if ((stored?.format ?? 1) !== 1) {
      const facts = { format: stored?.format, newestKnown: 1 }
      throw new StorageError('unsupported', 'stored by a newer version of Varve', { key: this.#options.key, facts })
    }
    return { format: 1, segments: [], merged: this.#options.start, sequence: 0, leftovers: [], places: [], ...stored }
  }
}

/** With one more hint, unless there is a later one. */
export function withPlace(manifest: ChunkManifest, chunk: number, base: number): ChunkManifest | undefined {
  const { places, merged } = manifest
  if (Math.max(places[places.length - 1]?.[0] ?? 0, merged.chunk) >= chunk) return undefined
  const kept = places.length < MAX_PLACES ? places : places.filter((_, index) => index % 2 === 1)
  return { ...manifest, places: [...kept, [chunk, base] as const] }
}

/** Puts a segment behind the others, in the place of the last ones where it absorbed some; undefined: there is none to put. */
export interface Merge {
  readonly segment: SealedSegment | undefined
  readonly absorbed: readonly SealedSegment[]
  readonly end: ChunkEnd
  readonly isSealed: boolean
}

export function withMerge(manifest: ChunkManifest, { segment, absorbed, end, isSealed }: Merge): ChunkManifest {
  const gone = new Set(absorbed.map(({ name }) => name))
  const segments = manifest.segments.filter(({ name }) => !gone.has(name))
  return {
    ...manifest,
    ...(isSealed ? { sealed: true as const } : {}),
    segments: segment === undefined ? segments : [...segments, segment],
    sequence: manifest.sequence + (segment === undefined ? 0 : 1),
    merged: end,
    leftovers: [...manifest.leftovers.filter(({ at }) => at !== undefined), { before: end.chunk }],
    places: manifest.places.filter(([chunk]) => chunk > end.chunk),
  }
}

/** Its entering may have been done after all, so late that others wrote since. */
export function isListed({ segments }: ChunkManifest, segment: SealedSegment | undefined): boolean {
  return segment !== undefined && segments.some(({ name }) => name === segment.name)
}

/** An entry that was found stored gets a date; few are dated, so that the list stays short. */
function dateLeftovers(manifest: ChunkManifest, now: number): ChunkManifest {
  const { leftovers } = manifest
  const latest = Math.max(...leftovers.map(({ at }) => at ?? Number.NEGATIVE_INFINITY))
  if (now - latest < DATED_APART_MS) return manifest
  return { ...manifest, leftovers: leftovers.map(({ before, at = now }) => ({ before, at })) }
}
