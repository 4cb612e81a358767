// What a handle has learned of where chunks begin: enough to find the one that holds an offset in a few steps.

export interface ChunkPlace {
  /** Chunk number. */
  readonly chunk: number
  /** Its first offset. */
  readonly base: number
}

/** Bounds what a handle keeps; older knowledge is thinned, not lost. */
const MAX_PLACES = 65_536

export class ChunkIndex {
  #places: ChunkPlace[] = [{ chunk: 0, base: 0 }]

  note(place: ChunkPlace): void {
    const at = this.#after(place.base, place.chunk)
    if (this.#places[at - 1]?.chunk === place.chunk) return
    this.#places.splice(at, 0, place)
    if (this.#places.length > MAX_PLACES) this.#places = this.#places.filter((_, index) => index % 2 === 0)
  }

  /** The last known place at or before the offset, and the first known after it. */
  around(offset: number): { readonly low: ChunkPlace; readonly high: ChunkPlace | undefined } {
    const at = this.#after(offset, Number.POSITIVE_INFINITY)
    return { low: this.#places[at - 1] as ChunkPlace, high: this.#places[at] }
  }

  /** How many places begin at or before (base, chunk). */
  #after(base: number, chunk: number): number {
    let low = 0
    let high = this.#places.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const place = this.#places[middle] as ChunkPlace
      if (place.base < base || (place.base === base && place.chunk <= chunk)) low = middle + 1
      else high = middle
    }
    return low
  }
}
