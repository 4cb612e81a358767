// What is needed to find a place below a node: nodes that were read before, and the parts of a node as if it had no branches.

import { each, mapOrdered } from '../../base/map-ordered.js'
import type { Json } from '../../codec/codec.js'
import type { ChunkSource } from './chunks.js'
import { damaged } from './check-node.js'
import type { BranchPart, ContentNode, LeafPart, NestedPart, TextPart } from './content.js'
import { utf8 } from '../../base/bytes.js'
import { parseEntries, parseItems, parseJson } from './json-text.js'
import { branchNode, MAX_DEPTH, nestedNode } from './pieces.js'
import { countItems } from './parts.js'
import { readLeaf, readValue } from './read-content.js'

/** A part of a list or map that holds items, or is one. */
export type ItemPart = LeafPart | TextPart | NestedPart

const KEPT_NODES = 256
const READ_AHEAD = 4

export class NodeReader {
  readonly #source: ChunkSource
  readonly #signal: AbortSignal | undefined
  readonly #kept: Map<string, ContentNode>

  /** `kept` are nodes by their address, for several readers of one content. */
  constructor(source: ChunkSource, kept: Map<string, ContentNode>, signal?: AbortSignal) {
    this.#source = source
    this.#kept = kept
    this.#signal = signal
  }

  /** The value of a node. */
  async value(node: ContentNode): Promise<Json> {
    return parseJson(await readValue(this.#source, node, this.#options))
  }

  nested(part: NestedPart): Promise<ContentNode> {
    if (typeof part.node !== 'string') return Promise.resolve(part.node)
    return this.#keep(part.node, () => nestedNode(this.#source, part, this.#signal))
  }

  branch(node: ContentNode, part: BranchPart): Promise<ContentNode> {
    return this.#keep(`${node.kind} ${part.branch}`, () => branchNode(this.#source, node, part, this.#signal))
  }

  /** The items of a part of a list. */
  async items(part: LeafPart | TextPart): Promise<readonly Json[]> {
    return parseItems(await this.#fragment(part), countItems(part))
  }

  /** The entries of a part of a map. */
  async entries(part: LeafPart | TextPart): Promise<Readonly<Record<string, Json>>> {
    return parseEntries(await this.#fragment(part), countItems(part))
  }

  /** In order; the nodes of branches are read a few ahead. */
  async *parts(node: ContentNode, depth = 0): AsyncGenerator<ItemPart> {
    if (depth > MAX_DEPTH) throw damaged('nodes of a content lie too deep in each other', { depth })
    const entered = mapOrdered(each(node.parts), READ_AHEAD, async (part) => ('branch' in part ? await this.branch(node, part) : part))
    for await (const part of entered) {
      if ('kind' in part) yield* this.parts(part, depth + 1)
      else yield part
    }
  }

  get #options(): { readonly signal?: AbortSignal } {
    return this.#signal === undefined ? {} : { signal: this.#signal }
  }

  #fragment(part: LeafPart | TextPart): Promise<Uint8Array> {
    return 'text' in part ? Promise.resolve(utf8(part.text)) : readLeaf(this.#source, part, this.#signal)
  }

  async #keep(name: string, read: () => Promise<ContentNode>): Promise<ContentNode> {
    const kept = this.#kept.get(name)
    if (kept !== undefined) return kept
    const node = await read()
    const [oldest] = this.#kept.keys()
    if (this.#kept.size >= KEPT_NODES && oldest !== undefined) this.#kept.delete(oldest)
    this.#kept.set(name, node)
    return node
  }
}
