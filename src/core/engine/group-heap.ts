// A binary heap whose items know their places in it, so that any of them can be moved or taken out in O(log n).

export interface HeapItem {
  /** Its place in the heap that it is in; -1 in none. */
  at: number
}

export class IndexedHeap<Item extends HeapItem> {
  readonly #isBefore: (a: Item, b: Item) => boolean
  readonly #items: Item[] = []

  constructor(isBefore: (a: Item, b: Item) => boolean) {
    this.#isBefore = isBefore
  }

  get size(): number {
    return this.#items.length
  }

  /** The first of all. */
  get first(): Item | undefined {
    return this.#items[0]
  }

  /** Puts it in, or, where it is in this one, to its new place. */
  put(item: Item): void {
    if (item.at < 0) {
      item.at = this.#items.length
      this.#items.push(item)
    }
    this.#settle(item)
  }

  /** Must be in this one. */
  remove(item: Item): void {
    const { at } = item
    item.at = -1
    const last = this.#items.pop() as Item
    if (last === item) return
    this.#set(at, last)
    this.#settle(last)
  }

  #settle(item: Item): void {
    this.#rise(item)
    this.#sink(item)
  }

  #rise(item: Item): void {
    let { at } = item
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = this.#items[above] as Item
      if (!this.#isBefore(item, parent)) break
      this.#set(at, parent)
      at = above
    }
    if (at !== item.at) this.#set(at, item)
  }

  #sink(item: Item): void {
    const items = this.#items
    let { at } = item
    for (;;) {
      let below = 2 * at + 1
      if (below >= items.length) break
      if (below + 1 < items.length && this.#isBefore(items[below + 1] as Item, items[below] as Item)) below++
      const child = items[below] as Item
      if (!this.#isBefore(child, item)) break
      this.#set(at, child)
      at = below
    }
    if (at !== item.at) this.#set(at, item)
  }

  #set(at: number, item: Item): void {
    this.#items[at] = item
    item.at = at
  }
}
