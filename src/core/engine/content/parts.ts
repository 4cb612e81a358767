// What a part of a node stands for.

import { utf8 } from '../../base/bytes.js'
import { type ContentPart, type NestedPart, valueBytes } from './content.js'

/** Of the text that the part stands for, with its key. */
export function partBytes(part: ContentPart): number {
  if ('text' in part) return utf8(part.text).length
  if (!('node' in part)) return part.bytes
  return keyText(part).length + nestedBytes(part)
}

/** Items of a list or map; none in parts of bytes. */
export function countItems(part: ContentPart): number {
  return 'node' in part ? 1 : (part.items ?? 0)
}

/** Of the value alone. */
export function nestedBytes({ node, bytes }: NestedPart): number {
  return typeof node === 'string' ? (bytes as number) : valueBytes(node)
}

/** The key and what stands between it and its value. */
export function keyText({ key }: NestedPart): Uint8Array {
  return key === undefined ? new Uint8Array(0) : utf8(`${JSON.stringify(key)}:`)
}
