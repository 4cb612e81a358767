// A content in the order of its text: chunks to be read, and what the nodes themselves say, brackets, commas, keys and short texts.

import { utf8 } from '../../base/bytes.js'
import type { ChunkId, ChunkSource } from './chunks.js'
import { damaged, loadNode } from './check-node.js'
import { type BranchPart, type ContentNode, type ContentPart, type NestedPart, valueBytes } from './content.js'
import { keyText, nestedBytes } from './parts.js'

/** A chunk that holds content, and how much of it. */
export interface Leaf {
  readonly leaf: ChunkId
  readonly bytes: number
}

export type Piece = Uint8Array | Leaf

/** Steps from a node to a part of it: nested nodes and levels of branches together. */
export const MAX_DEPTH = 256
/** Pieces are given out together up to about this size. */
const BATCH_BYTES = 256 * 1024

const COMMA = utf8(',')
const OPENING = { bytes: undefined, list: utf8('['), map: utf8('{') }
const CLOSING = { bytes: undefined, list: utf8(']'), map: utf8('}') }

/** A node some of whose parts have been passed. */
interface Frame {
  readonly node: ContentNode
  /** What stands behind its last part; a branch has nothing. */
  readonly closing: Uint8Array | undefined
  next: number
}

/** The pieces of the value that a checked node stands for, in batches; nodes are read as it comes to them. */
export async function* piecesOf(source: ChunkSource, root: ContentNode, signal: AbortSignal | undefined): AsyncGenerator<readonly Piece[]> {
  const walk = new PieceWalk(root)
  for (let part = walk.advance(); part !== undefined; part = walk.advance()) {
    if (part === 'full') yield walk.takeBatch()
    else if ('node' in part) walk.enterValue(await nestedNode(source, part, signal))
    else walk.enterBranch(await branchNode(source, walk.node, part, signal))
  }
  yield walk.takeBatch()
}

/** The node that a branch stands for, proved to be what the part says. */
export async function branchNode(
  source: ChunkSource,
  { kind }: ContentNode,
  part: BranchPart,
  signal: AbortSignal | undefined,
): Promise<ContentNode> {
  const node = await loadNode(source, part.branch, { kind, signal })
  if (node.bytes === part.bytes) return node
  throw damaged('a node has another size than above it', { expected: part.bytes, actual: node.bytes })
}

/** That of a nested value. */
export async function nestedNode(source: ChunkSource, part: NestedPart, signal: AbortSignal | undefined): Promise<ContentNode> {
  if (typeof part.node !== 'string') return part.node
  const node = await loadNode(source, part.node, { signal })
  const expected = nestedBytes(part)
  if (valueBytes(node) === expected) return node
  throw damaged('a node has another size than above it', { expected, actual: valueBytes(node) })
}

class PieceWalk {
  readonly #frames: Frame[] = []
  #batch: Piece[] = []
  #batchBytes = 0

  constructor(root: ContentNode) {
    this.enterValue(root)
  }

  /** That whose parts are being passed. */
  get node(): ContentNode {
    return (this.#frames.at(-1) as Frame).node
  }

  takeBatch(): readonly Piece[] {
    const batch = this.#batch
    this.#batch = []
    this.#batchBytes = 0
    return batch
  }

  enterValue(node: ContentNode): void {
    this.#add(OPENING[node.kind])
    this.#enter({ node, closing: CLOSING[node.kind], next: 0 })
  }

  enterBranch(node: ContentNode): void {
    this.#enter({ node, closing: undefined, next: 0 })
  }

  /** On to the next part that has a node, to where the batch is full, or to the end. */
  advance(): NestedPart | BranchPart | 'full' | undefined {
    for (let frame = this.#frames.at(-1); frame !== undefined; frame = this.#frames.at(-1)) {
      if (this.#batchBytes >= BATCH_BYTES) return 'full'
      const part = frame.node.parts[frame.next]
      if (part === undefined) {
        this.#add(frame.closing)
        this.#frames.pop()
        continue
      }
      if (frame.next > 0 && frame.node.kind !== 'bytes') this.#add(COMMA)
      frame.next++
      const entered = this.#pass(part)
      if (entered !== undefined) return entered
    }
    return undefined
  }

  #pass(part: ContentPart): NestedPart | BranchPart | undefined {
    if ('branch' in part) return part
    if ('node' in part) {
      this.#add(keyText(part))
      return part
    }
    if ('text' in part) this.#add(utf8(part.text))
    else this.#add(part)
    return undefined
  }

  #add(piece: Piece | undefined): void {
    if (piece === undefined) return
    this.#batch.push(piece)
    this.#batchBytes += piece instanceof Uint8Array ? piece.length : piece.bytes
  }

  #enter(frame: Frame): void {
    if (this.#frames.length >= MAX_DEPTH) throw damaged('nodes of a content lie too deep in each other', { depth: MAX_DEPTH })
    this.#frames.push(frame)
  }
}
