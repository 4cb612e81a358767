// A binary heap whose items know their places in it, so that any of them can be moved or taken out in O(log n).

/** `slot` names the field that holds an item's place; -1 where it is not in the heap. */
export class IndexedHeap<Slot extends string, Item extends Record<Slot, number>> {
  readonly #slot: Slot
  readonly #isBefore: (a: Item, b: Item) => boolean
  #items: Item[] = []

  constructor(slot: Slot, isBefore: (a: Item, b: Item) => boolean) {
    this.#slot = slot
    this.#isBefore = isBefore
  }

  get size(): number {
    return this.#items.length
  }

  /** The first of all. */
  get first(): Item | undefined {
    return this.#items[0]
  }

  has(item: Item): boolean {
    return item[this.#slot] >= 0
  }

  /** Puts it in, or to its new place. */
  put(item: Item): void {
    let at: number = item[this.#slot]
    if (at < 0) {
      at = this.#items.length
      this.#set(at, item)
    }
    this.#sink(this.#rise(at))
  }

  remove(item: Item): void {
    const at: number = item[this.#slot]
    if (at < 0) return
    this.#mark(item, -1)
    const last = this.#items.pop() as Item
    if (last === item) return
    this.#set(at, last)
    this.#sink(this.#rise(at))
  }

  #rise(start: number): number {
    const item = this.#items[start] as Item
    let at = start
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = this.#items[above] as Item
      if (!this.#isBefore(item, parent)) break
      this.#set(at, parent)
      at = above
    }
    if (at !== start) this.#set(at, item)
    return at
  }

  #sink(start: number): void {
    const item = this.#items[start] as Item
    let at = start
    for (;;) {
      let below = 2 * at + 1
      if (below >= this.#items.length) break
      if (below + 1 < this.#items.length && this.#isBefore(this.#items[below + 1] as Item, this.#items[below] as Item)) below++
      const child = this.#items[below] as Item
      if (!this.#isBefore(child, item)) break
      this.#set(at, child)
      at = below
    }
    if (at !== start) this.#set(at, item)
  }

  #set(at: number, item: Item): void {
    this.#items[at] = item
    this.#mark(item, at)
  }

  #mark(item: Record<Slot, number>, at: number): void {
    ;(item as Record<string, number>)[this.#slot] = at
  }
}
