// What is read of a node is somebody else's bytes until it has passed here: shapes, addresses, and that the sizes add up.

import { fromUtf8 } from '../../base/bytes.js'
import { StorageError } from '../../base/errors.js'
import type { ChunkId, ChunkSource } from './chunks.js'
import { type ContentNode, type ContentPart, MAX_CHUNK_BYTES, MAX_NESTED, type NodeKind } from './content.js'
import { printsLength } from './key-print.js'
import { countItems, partBytes } from './parts.js'

const ID = /^[A-Za-z0-9_-]{44}$/
const PRINTS = /^[A-Za-z0-9+/]*={0,2}$/

/** A node as parsed JSON has it, with all that lies in it. Throws `corrupt` for what no save writes. */
export function checkContentNode(value: unknown): ContentNode {
  return checkNode(value, 0)
}

/** Reads the node in a chunk. What its part says of it has to hold. */
export async function loadNode(source: ChunkSource, id: ChunkId, expected: ExpectedNode): Promise<ContentNode> {
  const bytes = await source.get(id, 'node', expected.signal === undefined ? {} : { signal: expected.signal })
  const node = checkContentNode(parse(bytes, id))
  if (expected.kind !== undefined && node.kind !== expected.kind) throw damaged('a node is of another kind than above it', { id })
  return node
}

export interface ExpectedNode {
  readonly kind?: NodeKind
  readonly signal?: AbortSignal | undefined
}

function parse(bytes: Uint8Array, id: ChunkId): unknown {
  try {
    return JSON.parse(fromUtf8(bytes))
  } catch (cause) {
    throw new StorageError('corrupt', 'a node of a content is not JSON', { facts: { id }, cause })
  }
}

function checkNode(value: unknown, depth: number): ContentNode {
  if (depth > MAX_NESTED) throw damaged('nodes of a content lie too deep in each other', { depth })
  const { kind, bytes, parts } = checkObject(value)
  if (kind !== 'bytes' && kind !== 'list' && kind !== 'map') throw damaged('a node of a content is of no known kind', { kind })
  if (!Array.isArray(parts) || (parts.length === 0 && kind !== 'bytes')) throw damaged('a node of a content has no parts', { kind })
  let sum = kind === 'bytes' ? 0 : parts.length - 1
  for (const part of parts as unknown[]) sum += partBytes(checkPart(part, kind, depth))
  if (!isSize(bytes, 0) || bytes !== sum) throw damaged('the parts of a node have another size', { expected: bytes, actual: sum })
  return value as ContentNode
}

function checkPart(value: unknown, kind: NodeKind, depth: number): ContentPart {
  const part = checkObject(value)
  if ('node' in part) checkNested(part, kind, depth)
  else checkRun(part, kind)
  return value as ContentPart
}

function checkNested({ node, bytes, key }: Record<string, unknown>, kind: NodeKind, depth: number): void {
  if (kind === 'bytes' || (kind === 'map') !== (typeof key === 'string')) throw damaged('a part of a node has no place there', { kind })
  if (typeof node !== 'string') checkNode(node, depth + 1)
  else if (!ID.test(node) || !isSize(bytes, 1)) throw damaged('a part of a node has no address', {})
}

/** Of items, or pieces of bytes. */
function checkRun(part: Record<string, unknown>, kind: NodeKind): void {
  const { text, leaf, branch, bytes, items, keys } = part
  const isText = typeof text === 'string' && text !== ''
  const isLeaf = typeof leaf === 'string' && ID.test(leaf) && isSize(bytes, 1) && bytes <= MAX_CHUNK_BYTES
  const isBranch = typeof branch === 'string' && ID.test(branch) && isSize(bytes, 1)
  if (Number(isText) + Number(isLeaf) + Number(isBranch) !== 1) throw damaged('a part of a node is none, or more than one', {})
  const size = partBytes(part as unknown as ContentPart)
  if (kind === 'bytes' ? items !== undefined : !isSize(items, 1) || items > size) throw damaged('a part of a node has no items', { items })
  if (keys !== undefined && !isPrints(keys, countItems(part as unknown as ContentPart))) throw damaged('prints of keys are none', {})
}

function isPrints(keys: unknown, items: number): boolean {
  return typeof keys === 'string' && keys.length === printsLength(items) && PRINTS.test(keys)
}

function checkObject(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  throw damaged('a node of a content is not an object', { type: typeof value })
}

function isSize(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least
}

export function damaged(message: string, facts: Readonly<Record<string, unknown>>): StorageError {
  return new StorageError('corrupt', message, { facts })
}
