// How a content hangs together. The leaves hold fragments of one text (for JSON) or pieces of bytes (for all else), the nodes say
// in which order, so that the whole is a concatenation and a part of it can be found without the rest. Nodes are plain JSON: the
// root lies in the manifest, large ones in chunks of their own.

import type { ChunkId } from './chunks.js'

/**
 * `bytes`: the parts follow each other as they are. `list` and `map`: a JSON array or object; each part holds items of it (with
 * their keys, in a map), commas stand between the parts and brackets around them.
 */
export type NodeKind = 'bytes' | 'list' | 'map'

export interface ContentNode {
  readonly kind: NodeKind
  /** Of the parts with the commas between them, without brackets. */
  readonly bytes: number
  /** At least one, except of no bytes. */
  readonly parts: readonly ContentPart[]
}

export type ContentPart = LeafPart | TextPart | BranchPart | NestedPart

/** A chunk that holds bytes, or whole items with the commas between them. */
export interface LeafPart {
  readonly leaf: ChunkId
  readonly bytes: number
  /** In lists and maps. */
  readonly items?: number
  /** In maps: two bytes of a hash of each key, in base64, so that a key is looked for only where it may be. */
  readonly keys?: string
}

/** The same without a chunk: so little text that its address would not be shorter. */
export interface TextPart {
  readonly text: string
  readonly items?: number
}

/** A chunk that holds a node of the same kind, whose parts stand here. */
export interface BranchPart {
  readonly branch: ChunkId
  readonly bytes: number
  readonly items?: number
}

/** One item that is large enough for a node of its own, here or in a chunk. */
export interface NestedPart {
  /** In maps. */
  readonly key?: string
  readonly node: ContentNode | ChunkId
  /** Of the value's text with its brackets, without the key; where the node is in a chunk. */
  readonly bytes?: number
}

/** What a manifest says of a content. */
export interface StoredContent {
  readonly root: ContentNode
  /** Of the whole encoded value. */
  readonly bytes: number
  /** SHA-256 of the whole encoded value, 64 hexadecimal digits. */
  readonly contentHash: string
  readonly codec: number
}

/** Values nested deeper are kept as one text: nodes need no more of the stack than that. */
export const MAX_NESTED = 64

/** No chunk is larger; FastCDC's largest pieces are as large. */
export const MAX_CHUNK_BYTES = 1024 * 1024

/** Of the text of a value: with the brackets that its node stands for. */
export function valueBytes(node: ContentNode): number {
  return node.kind === 'bytes' ? node.bytes : node.bytes + 2
}
