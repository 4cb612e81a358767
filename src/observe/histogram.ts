// Values counted in buckets of fixed bounds.

export interface HistogramReading {
  readonly count: number
  readonly sum: number
  /** How many were at most `le`, ascending; what is above the last bound is in `count` only. */
  readonly buckets: readonly { readonly le: number; readonly count: number }[]
}

export class Histogram {
  readonly #bounds: readonly number[]
  /** Of each bucket alone; the last one is above all bounds. */
  readonly #counts: number[]
  #sum = 0

  /** Ascending. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0)
  }

  add(value: number): void {
    const found = this.#bounds.findIndex((bound) => value <= bound)
    const at = found === -1 ? this.#bounds.length : found
    this.#counts[at] = (this.#counts[at] as number) + 1
    this.#sum += value
  }

  read(): HistogramReading {
    let count = 0
    const buckets = this.#bounds.map((le, at) => {
      count += this.#counts[at] as number
      return { le, count }
    })
    return { count: count + (this.#counts.at(-1) as number), sum: this.#sum, buckets }
  }
}
