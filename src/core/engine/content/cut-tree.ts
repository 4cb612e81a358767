// A content that has been cut, before anything of it is stored: places in its encoded bytes.

import type { NodeKind } from './content.js'
import { type PieceClass, pieceEnd } from './fast-cdc.js'

export interface CutNode {
  readonly kind: NodeKind
  readonly parts: readonly CutPart[]
}

export type CutPart = CutLeaf | CutNested

export interface CutLeaf {
  readonly start: number
  readonly end: number
  /** In lists and maps. */
  readonly items?: number
  /** In maps: prints of the keys, as the part of a node holds them. */
  readonly keys?: string
}

export interface CutNested {
  readonly key?: string
  readonly node: CutNode
}

/** Bytes that have no seams of their own. */
export function cutPieces(bytes: Uint8Array, start: number, end: number, of: PieceClass): CutNode {
  const parts: CutLeaf[] = []
  for (let at = start; at < end; ) {
    const next = pieceEnd(bytes, at, end, { position: at - start, of })
    parts.push({ start: at, end: next })
    at = next
  }
  return { kind: 'bytes', parts }
}
