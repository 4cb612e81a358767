// Which blocks a cache holds, the one that was used longest ago first, and what they take together.

/** Small ones take that much on most media. */
const LEAST_BYTES = 4096

export class BlockOrder {
  #costs = new Map<string, number>()
  #used = 0

  get used(): number {
    return this.#used
  }

  /** The oldest first. */
  names(): IterableIterator<string> {
    return this.#costs.keys()
  }

  /** It is the newest now. */
  touch(name: string, bytes: number): void {
    this.remove(name)
    const cost = costOf(bytes)
    this.#costs.set(name, cost)
    this.#used += cost
  }

  remove(name: string): void {
    this.#used -= this.#costs.get(name) ?? 0
    this.#costs.delete(name)
  }

  /** What there really is, with its bytes: in the order of `before`, then what that does not name, then `touched`. */
  replace(listed: ReadonlyMap<string, number>, before: Iterable<string>, touched: Iterable<string>): void {
    this.#costs = new Map()
    this.#used = 0
    const add = (name: string): void => {
      const bytes = listed.get(name)
      if (bytes !== undefined) this.touch(name, bytes)
    }
    const known = new Set(before)
    for (const name of known) add(name)
    for (const name of listed.keys()) if (!known.has(name)) add(name)
    for (const name of touched) add(name)
  }

  /** Takes out the oldest until the rest takes no more than that. */
  takeOldest(bytes: number): string[] {
    const taken: string[] = []
    for (const name of this.#costs.keys()) {
      if (this.#used <= bytes) break
      this.remove(name)
      taken.push(name)
    }
    return taken
  }
}

export function costOf(bytes: number): number {
  return Math.ceil(bytes / LEAST_BYTES) * LEAST_BYTES
}
