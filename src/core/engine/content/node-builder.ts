// A node as its parts come, one after another: groups of them become chunks as soon as they are full, in as many levels as it
// takes, so that a node of any number of parts is built in little memory and changes in few chunks.

import { utf8 } from '../../base/bytes.js'
import type { ChunkId, ChunkSink } from './chunks.js'
import type { ContentNode, ContentPart, NodeKind } from './content.js'
import { countItems, partBytes } from './parts.js'
import { type GroupSizes, isSeam } from './seam.js'

const KIB = 1024
/** Of the parts as JSON. */
const GROUP: GroupSizes = { min: KIB / 2, normal: 2 * KIB, max: 8 * KIB }

/** Stores the node as a chunk. */
export function storeNode(node: ContentNode, sink: ChunkSink): Promise<ChunkId> {
  return sink.put('node', utf8(JSON.stringify(node)))
}

interface Level {
  parts: ContentPart[]
  jsonBytes: number
  /** Groups of it that became chunks. */
  stored: number
}

export class NodeBuilder {
  readonly #kind: NodeKind
  readonly #sink: ChunkSink
  readonly #levels: Level[] = []

  constructor(kind: NodeKind, sink: ChunkSink) {
    this.#kind = kind
    this.#sink = sink
  }

  /** A promise where something has to be stored first. */
  add(part: ContentPart): Promise<void> | undefined {
    return this.#addAt(0, part)
  }

  /** The root. Its parts are those of the first level that has one group only. */
  async finish(): Promise<ContentNode> {
    for (let level = 0; ; level++) {
      const { parts, stored } = this.#levels[level] ?? { parts: [], stored: 0 }
      if (stored === 0) return nodeOf(this.#kind, parts)
      if (parts.length > 0) await this.#storeGroup(level)
    }
  }

  #addAt(level: number, part: ContentPart): Promise<void> | undefined {
    this.#levels[level] ??= { parts: [], jsonBytes: 0, stored: 0 }
    const group = this.#levels[level]
    const json = utf8(JSON.stringify(part))
    const grown = group.jsonBytes + json.length
    if (grown > GROUP.max && group.parts.length > 0) return this.#storeGroup(level).then(() => this.#addAt(level, part))
    group.parts.push(part)
    group.jsonBytes = grown
    return isSeam(json, 0, json.length, { grown, sizes: GROUP }) ? this.#storeGroup(level) : undefined
  }

  async #storeGroup(level: number): Promise<void> {
    const group = this.#levels[level] as Level
    const { parts } = group
    group.parts = []
    group.jsonBytes = 0
    group.stored++
    const node = nodeOf(this.#kind, parts)
    const items = this.#kind === 'bytes' ? {} : { items: parts.reduce((sum, part) => sum + countItems(part), 0) }
    await this.#addAt(level + 1, { branch: await storeNode(node, this.#sink), bytes: node.bytes, ...items })
  }
}

function nodeOf(kind: NodeKind, parts: readonly ContentPart[]): ContentNode {
  const commas = kind === 'bytes' ? 0 : Math.max(0, parts.length - 1)
  return { kind, bytes: parts.reduce((sum, part) => sum + partBytes(part), commas), parts }
}
