// All chunks that a content reaches, for those that have to keep or to check them.

import type { Cancellable } from '../../ports/options.js'
import type { ChunkId, ChunkKind, ChunkSource } from './chunks.js'
import { checkContentNode, damaged, loadNode } from './check-node.js'
import type { ContentNode, NodeKind } from './content.js'
import { MAX_DEPTH } from './pieces.js'

/** True where the chunk was not known: a node that was is not read, nor anything below it. */
export type ChunkVisitor = (id: ChunkId, kind: ChunkKind) => boolean

interface Step {
  readonly node: ContentNode | ChunkId
  /** Of a branch: that of the node above. */
  readonly kind?: NodeKind
  readonly depth: number
}

/** Nodes that are read at once. */
const WIDTH = 16

/** Visits each once or more often, parents first. Reads nodes only, several at once; `corrupt` or `missing` where it cannot. */
export async function walkChunks(source: ChunkSource, root: ContentNode, visit: ChunkVisitor, options: Cancellable = {}): Promise<void> {
  const steps: Step[] = [{ node: checkContentNode(root), depth: 0 }]
  while (steps.length > 0) {
    options.signal?.throwIfAborted()
    const entered = steps.splice(-WIDTH).reverse()
    const nodes = await Promise.all(entered.map((step) => enter(source, step, visit, options)))
    for (let index = nodes.length - 1; index >= 0; index--) {
      const node = nodes[index]
      if (node !== undefined) steps.push(...stepsBelow(node, (entered[index] as Step).depth + 1, visit))
    }
  }
}

async function enter(source: ChunkSource, step: Step, visit: ChunkVisitor, options: Cancellable): Promise<ContentNode | undefined> {
  const { node, kind, depth } = step
  if (depth > MAX_DEPTH) throw damaged('nodes of a content lie too deep in each other', { depth })
  if (typeof node !== 'string') return node
  if (!visit(node, 'node')) return undefined
  return await loadNode(source, node, { ...options, ...(kind === undefined ? {} : { kind }) })
}

/** The last is entered first: in the order of the text. */
function stepsBelow({ kind, parts }: ContentNode, depth: number, visit: ChunkVisitor): Step[] {
  const steps: Step[] = []
  for (const part of parts) {
    if ('leaf' in part) visit(part.leaf, 'leaf')
    else if ('branch' in part) steps.push({ node: part.branch, kind, depth })
    else if ('node' in part) steps.push({ node: part.node, depth })
  }
  return steps.reverse()
}
