// The synchronous half of a save: what is encoded is cut, and the value may change again.

import type { EncodedValue } from '../../codec/codecs.js'
import { cutJson } from './cut-json.js'
import { type CutNode, cutPieces } from './cut-tree.js'
import type { PieceClass } from './fast-cdc.js'

export const BYTES_ID = 0
export const JSON_ID = 1

/** Ready to be stored. The bytes are the encoded value's own: they must not change until then. */
export interface ContentCut extends EncodedValue {
  readonly tree: CutNode
}

/** Cuts what `encodeValue` gave: JSON along the value, all else where its bytes say so. */
export function cutContent(value: EncodedValue): ContentCut {
  const { codec, bytes } = value
  const tree = codec === JSON_ID ? cutJson(bytes) : cutPieces(bytes, 0, bytes.length, pieceClass(codec))
  return { codec, bytes, tree }
}

export function pieceClass(codec: number): PieceClass {
  return codec === BYTES_ID ? 'bytes' : 'encoded'
}
