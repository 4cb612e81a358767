// The difference of two JSON contents by their trees: what has the same address is the same and is not read, whatever its size.

import { mapOrdered, each } from '../../base/map-ordered.js'
import type { Json } from '../../codec/codec.js'
import { checkContentNode } from '../../engine/content/check-node.js'
import type { ChunkSource } from '../../engine/content/chunks.js'
import type { ContentNode } from '../../engine/content/content.js'
import { type ItemPart, NodeReader } from '../../engine/content/node-reader.js'
import { countItems } from '../../engine/content/parts.js'
import { below } from '../../engine/content/pointer.js'
import type { Cancellable } from '../../ports/options.js'
import { alignLists } from './align.js'
import { ValueDiff } from './diff-values.js'
import { openParts, textsOf, type Unit } from './part-pairs.js'
import type { PatchOperation } from './read-types.js'

/** Parts read at once. */
const READ_AHEAD = 4

/**
 * The operations (RFC 6902) that turn the first JSON content into the second; the order of keys is no difference. Reads the nodes on
 * the way to what differs and the leaves that do. `corrupt` or `missing` where one of those is.
 */
export async function diffContents(
  source: ChunkSource,
  a: ContentNode,
  b: ContentNode,
  options: Cancellable = {},
): Promise<readonly PatchOperation[]> {
  const diff = new ContentDiff(new NodeReader(source, new Map(), options.signal))
  await diff.places('', { node: checkContentNode(a) }, { node: checkContentNode(b) })
  return diff.operations
}

/** A value, or the node that it can be read from. */
type Place = { readonly node: ContentNode } | { readonly value: Json }

/** With a text that only equal ones have, of those of one sort. */
interface Item {
  readonly place: Place
  readonly text: string
}

class ContentDiff {
  readonly operations: PatchOperation[] = []
  readonly #reader: NodeReader

  constructor(reader: NodeReader) {
    this.#reader = reader
  }

  async places(path: string, a: Place, b: Place): Promise<void> {
    if ('node' in a && 'node' in b && JSON.stringify(a.node) === JSON.stringify(b.node)) return
    const [shapeA, shapeB] = [shapeOf(a), shapeOf(b)]
    if (shapeA !== undefined && shapeB !== undefined && shapeA !== shapeB) {
      this.operations.push({ op: 'replace', path, value: await this.#read(b) })
    } else if ('node' in a && 'node' in b && a.node.kind === 'list' && b.node.kind === 'list') await this.#lists(path, a.node, b.node)
    else if ('node' in a && 'node' in b && a.node.kind === 'map' && b.node.kind === 'map') await this.#maps(path, a.node, b.node)
    else new ValueDiff(this.operations, JSON.stringify).diff(path, await this.#read(a), await this.#read(b))
  }

  async #maps(path: string, a: ContentNode, b: ContentNode): Promise<void> {
    const units = await openParts(this.#reader, a, b)
    const [inA, inB] = [textsOf(units.a), textsOf(units.b)]
    const entriesA = await this.#entries(units.a.filter(({ text }) => !inB.has(text)))
    const entriesB = await this.#entries(units.b.filter(({ text }) => !inA.has(text)))
    for (const key of entriesA.keys()) if (!entriesB.has(key)) this.operations.push({ op: 'remove', path: below(path, key) })
    for (const [key, place] of entriesB) {
      const before = entriesA.get(key)
      if (before !== undefined) await this.places(below(path, key), before, place)
      else this.operations.push({ op: 'add', path: below(path, key), value: await this.#read(place) })
    }
  }

  async #lists(path: string, a: ContentNode, b: ContentNode): Promise<void> {
    const units = await openParts(this.#reader, a, b)
    let [fromA, fromB, index] = [0, 0, 0]
    for (const { same, removed, added } of alignLists(textList(units.a), textList(units.b))) {
      const itemsA = await this.#items(a, units.a.slice(fromA + same, fromA + same + removed))
      const itemsB = await this.#items(b, units.b.slice(fromB + same, fromB + same + added))
      for (const { part } of units.b.slice(fromB, fromB + same)) index += countItems(part)
      await this.#itemLists(path, index, itemsA, itemsB)
      index += itemsB.length
      fromA += same + removed
      fromB += same + added
    }
  }

  /** From the left to the right: what stands before `index` is that of the second list already. */
  async #itemLists(path: string, start: number, a: readonly Item[], b: readonly Item[]): Promise<void> {
    let [fromA, fromB] = [0, 0]
    for (const { same, removed, added } of alignLists(textList(a), textList(b))) {
      const paired = Math.min(removed, added)
      for (let pair = 0; pair < paired; pair++) {
        await this.places(below(path, start + fromB + pair), (a[fromA + pair] as Item).place, (b[fromB + pair] as Item).place)
      }
      for (let left = removed - paired; left > 0; left--) this.operations.push({ op: 'remove', path: below(path, start + fromB + paired) })
      for (let more = fromB + paired; more < fromB + added; more++) {
        this.operations.push({ op: 'add', path: below(path, start + more), value: await this.#read((b[more] as Item).place) })
      }
      fromA += same + removed
      fromB += same + added
    }
  }

  async #entries(units: readonly Unit[]): Promise<ReadonlyMap<string, Place>> {
    const entries = new Map<string, Place>()
    const read = mapOrdered(each(units), READ_AHEAD, async ({ part }) => await this.#partEntries(part as ItemPart))
    for await (const some of read) for (const [key, place] of some) entries.set(key, place)
    return entries
  }

  async #partEntries(part: ItemPart): Promise<readonly (readonly [string, Place])[]> {
    if ('node' in part) return [[part.key ?? '', { node: await this.#reader.nested(part) }]]
    return Object.entries(await this.#reader.entries(part)).map(([key, value]) => [key, { value }])
  }

  /** Also of branches: one that both lists have may still stand elsewhere in them. */
  async #items(list: ContentNode, units: readonly Unit[]): Promise<readonly Item[]> {
    const items: Item[] = []
    for (const { part } of units) {
      const parts = 'branch' in part ? this.#reader.parts(await this.#reader.branch(list, part)) : each([part])
      for await (const some of mapOrdered(parts, READ_AHEAD, (one) => this.#partItems(one))) for (const item of some) items.push(item)
    }
    return items
  }

  async #partItems(part: ItemPart): Promise<readonly Item[]> {
    if ('node' in part) return [{ place: { node: await this.#reader.nested(part) }, text: `node ${JSON.stringify(part)}` }]
    return (await this.#reader.items(part)).map((value) => ({ place: { value }, text: JSON.stringify(value) }))
  }

  #read(place: Place): Promise<Json> {
    return 'node' in place ? this.#reader.value(place.node) : Promise.resolve(place.value)
  }
}

function textList(texts: readonly { readonly text: string }[]): readonly string[] {
  return texts.map(({ text }) => text)
}

/** undefined where only reading would tell. */
function shapeOf(place: Place): 'list' | 'map' | 'other' | undefined {
  if ('node' in place) return place.node.kind === 'bytes' ? undefined : place.node.kind
  const { value } = place
  if (typeof value !== 'object' || value === null) return 'other'
  return Array.isArray(value) ? 'list' : 'map'
}
