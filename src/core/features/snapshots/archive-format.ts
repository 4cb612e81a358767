// A snapshot in an archive: what it is and the top of its tree, and how many chunks follow that no snapshot before it has;
// then those, as they are before any compression, a few a section.

import { utf8 } from '../../base/bytes.js'
import { isStorageError, StorageError } from '../../base/errors.js'
import { parseObject } from '../../codec/archive/read.js'
import { ByteWriter } from '../../codec/byte-writer.js'
import { ByteCursor } from '../../codec/varint.js'
import { kindByte, kindOfByte } from '../../engine/content/chunk-id.js'
import type { ChunkKind } from '../../engine/content/chunks.js'
import { checkContentNode } from '../../engine/content/check-node.js'
import { MAX_CHUNK_BYTES, type StoredContent, valueBytes } from '../../engine/content/content.js'
import { isId } from './layout.js'
import { checkBranch, takeTags } from './save-request.js'
import type { ComingSnapshot } from './summary.js'

const MAX_INDEX = 2 ** 31
/** The last moment that a date can be. */
const MAX_TIME = 8.64e15

export interface ArchivedSnapshot {
  readonly info: ComingSnapshot
  readonly content: StoredContent
  /** That follow. */
  readonly chunks: number
}

export interface ArchivedChunk {
  readonly kind: ChunkKind
  readonly plain: Uint8Array
}

export function encodeSnapshot(snapshot: ArchivedSnapshot): Uint8Array {
  return utf8(JSON.stringify(snapshot))
}

/** `corrupt` for what no export wrote. */
export function decodeSnapshot(body: Uint8Array): ArchivedSnapshot {
  const { info, content, chunks } = parseObject(body)
  check(isCount(chunks))
  try {
    return { info: infoFrom(Object(info)), content: contentFrom(Object(content)), chunks: chunks as number }
  } catch (error) {
    if (!isStorageError(error, 'invalid')) throw error
    throw damaged(error)
  }
}

function infoFrom(info: ComingSnapshot): ComingSnapshot {
  checkBranch(info)
  takeTags(info.tags)
  const { id, index, timestamp, parents, contentHash, bytes, storedBytes, compression, description, pinned, clock } = info
  check(isId(id) && [index, timestamp, bytes, storedBytes].every(isCount) && isHash(contentHash))
  check(index < MAX_INDEX && timestamp <= MAX_TIME && (clock === undefined || (isCount(clock) && clock <= MAX_TIME)))
  check(Array.isArray(parents) && parents.every(isId) && typeof compression === 'string')
  check((description === undefined || typeof description === 'string') && (pinned === undefined || pinned === true))
  return info
}

function contentFrom({ root, bytes, contentHash, codec }: Partial<StoredContent>): StoredContent {
  const node = checkContentNode(root)
  check(isHash(contentHash) && isCount(codec) && (codec as number) < 16 && bytes === valueBytes(node))
  return { root: node, bytes: valueBytes(node), contentHash: contentHash as string, codec: codec as number }
}

export function encodeChunks(chunks: readonly ArchivedChunk[]): Uint8Array {
  const writer = new ByteWriter()
  writer.varint(chunks.length)
  for (const { kind, plain } of chunks) {
    writer.byte(kindByte(kind))
    writer.bytes(plain)
  }
  return writer.finish()
}

/** One after the other: however many a body claims to hold, each takes memory by itself. */
export function* decodeChunks(body: Uint8Array): Generator<ArchivedChunk> {
  const cursor = new ByteCursor(body)
  const count = cursor.varint()
  check(count > 0)
  for (let left = count; left > 0; left--) {
    const kind = kindOfByte(cursor.byte())
    const plain = cursor.take(cursor.varint())
    if (kind === undefined || plain.length > MAX_CHUNK_BYTES) throw damaged()
    yield { kind, plain }
  }
  check(cursor.at === body.length)
}

function isHash(value: unknown): boolean {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function check(isTrue: boolean): void {
  if (!isTrue) throw damaged()
}

function damaged(cause?: unknown): StorageError {
  return new StorageError('corrupt', 'a section of the archive does not hold a snapshot', { cause })
}
