// Cuts JSON text at the seams of the value: runs of small items become leaves, an item that is large becomes a node of its own.
// One pass over the bytes, children before parents; all that is remembered of a container are the ends of its items.

import { fromUtf8 } from '../../base/bytes.js'
import { MAX_NESTED } from './content.js'
import { type CutLeaf, type CutNode, type CutPart, cutPieces } from './cut-tree.js'
import { closingQuote } from './json-text.js'
import { keyPrint, printsText } from './key-print.js'
import { type GroupSizes, isSeam } from './seam.js'

const KIB = 1024
/** An item of more bytes is not put into a leaf with others. */
const LARGE_BYTES = 4 * KIB
const LEAF: GroupSizes = { min: KIB, normal: 4 * KIB, max: 16 * KIB }
/** Keys of large items stand in nodes as they are: no longer ones. */
const MAX_KEY_BYTES = 256

const QUOTE = 0x22
const COMMA = 0x2c
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN_MAP = 0x7b
const CLOSE_MAP = 0x7d

/** Of the text that `JSON.stringify` gives without an indent. */
export function cutJson(bytes: Uint8Array): CutNode {
  if (bytes.length <= LARGE_BYTES) return cutPieces(bytes, 0, bytes.length, 'encoded')
  return new JsonCutter(bytes).cut()
}

/** A container whose end has not been seen yet. One for each depth, used again. */
class Container {
  start = 0
  isMap = false
  /** Place of the first of its items in the list of ends. */
  firstEnd = 0
  itemStart = 0
  /** Its large items by their index. */
  nested = new Map<number, CutNode>()
  /** A large item has a large key: no node can tell of it. */
  isOpaque = false
}

class JsonCutter {
  readonly #bytes: Uint8Array
  readonly #containers = Array.from({ length: MAX_NESTED + 1 }, () => new Container())
  /** Of those that are open, and maybe too deep to be tracked. */
  #depth = 0
  #ends = new Int32Array(1024)
  #endCount = 0
  #root: CutNode | undefined

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  cut(): CutNode {
    const bytes = this.#bytes
    const { length } = bytes
    for (let at = 0; at < length; at++) {
      switch (bytes[at]) {
        case QUOTE:
          at = closingQuote(bytes, at)
          break
        case COMMA:
          this.#endItem(at)
          break
        case OPEN_LIST:
        case OPEN_MAP:
          this.#open(at)
          break
        case CLOSE_LIST:
        case CLOSE_MAP:
          this.#close(at)
          break
      }
    }
    return this.#root ?? cutPieces(bytes, 0, length, 'encoded')
  }

  #open(at: number): void {
    if (++this.#depth > MAX_NESTED) return
    const container = this.#containers[this.#depth] as Container
    container.start = at
    container.isMap = this.#bytes[at] === OPEN_MAP
    container.firstEnd = this.#endCount
    container.itemStart = at + 1
    container.isOpaque = false
    if (container.nested.size > 0) container.nested.clear()
  }

  #endItem(at: number): void {
    if (this.#depth > MAX_NESTED) return
    const container = this.#containers[this.#depth] as Container
    if (at - container.itemStart > LARGE_BYTES) this.#nestItem(container, at)
    if (this.#endCount === this.#ends.length) this.#growEnds()
    this.#ends[this.#endCount++] = at
    container.itemStart = at + 1
  }

  /** A container has its node already, if it can have one; all else is cut as it comes. */
  #nestItem(container: Container, end: number): void {
    const index = this.#endCount - container.firstEnd
    const value = container.isMap ? closingQuote(this.#bytes, container.itemStart) + 2 : container.itemStart
    if (value - container.itemStart > MAX_KEY_BYTES) container.isOpaque = true
    else if (!container.nested.has(index)) container.nested.set(index, cutPieces(this.#bytes, value, end, 'encoded'))
  }

  #close(at: number): void {
    if (this.#depth <= MAX_NESTED) {
      const container = this.#containers[this.#depth] as Container
      if (at > container.start + 1) this.#endItem(at)
      if (at + 1 - container.start > LARGE_BYTES) this.#giveToParent(this.#nodeOf(container, at + 1))
      this.#endCount = container.firstEnd
    }
    this.#depth--
  }

  #giveToParent(node: CutNode): void {
    if (this.#depth === 1) {
      this.#root = node
      return
    }
    const parent = this.#containers[this.#depth - 1] as Container
    // The ends of the child's own items still lie behind those of the parent.
    const child = this.#containers[this.#depth] as Container
    parent.nested.set(child.firstEnd - parent.firstEnd, node)
  }

  #nodeOf(container: Container, end: number): CutNode {
    if (container.isOpaque) return cutPieces(this.#bytes, container.start, end, 'encoded')
    const hasNested = container.nested.size > 0
    const run = new ItemRun(this.#bytes, container.isMap, container.start + 1)
    for (let index = container.firstEnd; index < this.#endCount; index++) {
      const nested = hasNested ? container.nested.get(index - container.firstEnd) : undefined
      if (nested === undefined) run.add(this.#ends[index] as number)
      else run.addNested(this.#ends[index] as number, nested)
    }
    return { kind: container.isMap ? 'map' : 'list', parts: run.finish() }
  }

  #growEnds(): void {
    const grown = new Int32Array(this.#ends.length * 2)
    grown.set(this.#ends)
    this.#ends = grown
  }
}

/** The items of one container in their order, as they become parts. */
class ItemRun {
  readonly #bytes: Uint8Array
  readonly #isMap: boolean
  readonly #parts: CutPart[] = []
  #leafStart: number
  #itemStart: number
  #items = 0
  #prints: number[] = []

  constructor(bytes: Uint8Array, isMap: boolean, start: number) {
    this.#bytes = bytes
    this.#isMap = isMap
    this.#leafStart = start
    this.#itemStart = start
  }

  add(end: number): void {
    if (end - this.#leafStart > LEAF.max) this.#endLeaf()
    const start = this.#itemStart
    if (this.#isMap) this.#prints.push(keyPrint(this.#bytes, start, closingQuote(this.#bytes, start) + 1))
    this.#items++
    this.#itemStart = end + 1
    const grown = end - this.#leafStart
    if (grown >= LEAF.min && isSeam(this.#bytes, start, end, { grown, sizes: LEAF })) this.#endLeaf()
  }

  addNested(end: number, node: CutNode): void {
    this.#endLeaf()
    const start = this.#itemStart
    const key = this.#isMap
      ? (JSON.parse(fromUtf8(this.#bytes.subarray(start, closingQuote(this.#bytes, start) + 1))) as string)
      : undefined
    this.#parts.push(key === undefined ? { node } : { key, node })
    this.#itemStart = end + 1
    this.#leafStart = end + 1
  }

  finish(): readonly CutPart[] {
    this.#endLeaf()
    return this.#parts
  }

  /** The comma behind it belongs to the node. */
  #endLeaf(): void {
    if (this.#items === 0) return
    const leaf: CutLeaf = { start: this.#leafStart, end: this.#itemStart - 1, items: this.#items }
    this.#parts.push(this.#isMap ? { ...leaf, keys: printsText(this.#prints) } : leaf)
    this.#leafStart = this.#itemStart
    this.#items = 0
    this.#prints = []
  }
}
