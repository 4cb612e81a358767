// A content in the order of its text: chunks to be read, and what the nodes themselves say, brackets, commas, keys and short texts.

import { utf8 } from '../../base/bytes.js'
import type { ChunkId, ChunkSource } from './chunks.js'
import { damaged, loadNode } from './check-node.js'
import { type BranchPart, type ContentNode, type ContentPart, type NestedPart, valueBytes } from './content.js'
import { keyText, nestedBytes } from './parts.js'

export type Piece = Uint8Array | { readonly leaf: ChunkId; readonly bytes: number }

/** Steps from a node to a part of it: nested nodes and levels of branches together. */
const MAX_DEPTH = 256

const COMMA = utf8(',')
const BRACKETS = { list: [utf8('['), utf8(']')], map: [utf8('{'), utf8('}')] } as const

/** Reads nodes as it comes to them. */
export class PieceReader {
  readonly #source: ChunkSource
  readonly #signal: AbortSignal | undefined

  constructor(source: ChunkSource, signal: AbortSignal | undefined) {
    this.#source = source
    this.#signal = signal
  }

  /** Of a value: with its brackets. */
  async *value(node: ContentNode, depth = 0): AsyncGenerator<Piece> {
    const brackets = node.kind === 'bytes' ? undefined : BRACKETS[node.kind]
    if (brackets !== undefined) yield brackets[0]
    yield* this.#parts(node, depth)
    if (brackets !== undefined) yield brackets[1]
  }

  /** The node that a part stands for, proved to be as large as the part says. */
  async branch({ kind }: ContentNode, part: BranchPart): Promise<ContentNode> {
    const node = await loadNode(this.#source, part.branch, { kind, signal: this.#signal })
    if (node.bytes !== part.bytes) throw damaged('a node has another size than above it', { expected: part.bytes, actual: node.bytes })
    return node
  }

  async nested(part: NestedPart): Promise<ContentNode> {
    if (typeof part.node !== 'string') return part.node
    const node = await loadNode(this.#source, part.node, { signal: this.#signal })
    const expected = nestedBytes(part)
    if (valueBytes(node) === expected) return node
    throw damaged('a node has another size than above it', { expected, actual: valueBytes(node) })
  }

  async *#parts(node: ContentNode, depth: number): AsyncGenerator<Piece> {
    if (depth > MAX_DEPTH) throw damaged('nodes of a content lie too deep in each other', { depth })
    let isFirst = true
    for (const part of node.parts) {
      if (!isFirst && node.kind !== 'bytes') yield COMMA
      isFirst = false
      yield* this.#part(node, part, depth)
    }
  }

  async *#part(node: ContentNode, part: ContentPart, depth: number): AsyncGenerator<Piece> {
    if ('leaf' in part) yield part
    else if ('text' in part) yield utf8(part.text)
    else if ('branch' in part) yield* this.#parts(await this.branch(node, part), depth + 1)
    else {
      if (part.key !== undefined) yield keyText(part)
      yield* this.value(await this.nested(part), depth + 1)
    }
  }
}
