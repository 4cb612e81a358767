// A content as the bytes it was made of: its chunks in order, a few read ahead, each proved by its source and the whole by its hash.

import { concatBytes, grow } from '../../base/bytes.js'
import { StorageError } from '../../base/errors.js'
import { mapOrdered } from '../../base/map-ordered.js'
import { sha256Hex, sha256Stream } from '../../codec/hash.js'
import type { Cancellable } from '../../ports/options.js'
import type { ChunkSource } from './chunks.js'
import { checkContentNode, damaged } from './check-node.js'
import { type ContentNode, type StoredContent, valueBytes } from './content.js'
import { type Leaf, piecesOf } from './pieces.js'

/** Batches of pieces under way at once. */
const READ_AHEAD = 4
/** Memory that is taken on the word of a node alone. */
const TRUSTED_BYTES = 16 * 1024 * 1024

/** The whole. `corrupt` with `expected` and `actual` where it is damaged, `missing` where a chunk is gone. */
export async function readContent(source: ChunkSource, content: StoredContent, options: Cancellable = {}): Promise<Uint8Array> {
  checkContent(content)
  const bytes = await readValue(source, content.root, options)
  proveHash(content, await sha256Hex(bytes))
  return bytes
}

/** The same piece by piece, in bounded memory; that its hash is wrong shows at the end. */
export async function* streamContent(source: ChunkSource, content: StoredContent, options: Cancellable = {}): AsyncGenerator<Uint8Array> {
  checkContent(content)
  const hash = await sha256Stream()
  for await (const pieces of readPieces(source, content.root, options)) {
    const bytes = concatBytes(pieces)
    await hash.update(bytes)
    yield bytes
  }
  proveHash(content, await hash.hex())
}

/** The text of a node that has been checked. */
export async function readValue(source: ChunkSource, node: ContentNode, options: Cancellable): Promise<Uint8Array> {
  const total = valueBytes(node)
  let bytes = new Uint8Array(Math.min(total, TRUSTED_BYTES))
  let at = 0
  for await (const pieces of readPieces(source, node, options)) {
    for (const piece of pieces) {
      if (at + piece.length > bytes.length) bytes = enlarge(bytes, at, total)
      bytes.set(piece, at)
      at += piece.length
    }
  }
  return bytes.length === at ? bytes : bytes.subarray(0, at)
}

function enlarge(bytes: Uint8Array, used: number, total: number): Uint8Array<ArrayBuffer> {
  try {
    const grown = grow(bytes, used, Math.min(total, bytes.length * 2))
    return grown
  } catch (cause) {
    throw new StorageError('unsupported', 'a content is too large to be held in memory; read it as a stream', {
      facts: { bytes: total },
      cause,
    })
  }
}

/** In their order; the bytes are those of the source, not to be changed. */
function readPieces(source: ChunkSource, node: ContentNode, { signal }: Cancellable): AsyncGenerator<readonly Uint8Array[]> {
  return mapOrdered(piecesOf(source, node, signal), READ_AHEAD, async (batch) => {
    signal?.throwIfAborted()
    return await Promise.all(batch.map((piece) => (piece instanceof Uint8Array ? piece : readLeaf(source, piece, signal))))
  })
}

/** Bytes of a leaf, as many as its node says. */
export async function readLeaf(source: ChunkSource, { leaf, bytes }: Leaf, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const read = await source.get(leaf, 'leaf', signal === undefined ? {} : { signal })
  if (read.length === bytes) return read
  throw damaged('a chunk has another size than its node says', { id: leaf, expected: bytes, actual: read.length })
}

function checkContent({ root, bytes }: StoredContent): void {
  const actual = valueBytes(checkContentNode(root))
  if (actual !== bytes) throw damaged('a content has another size than its manifest says', { expected: bytes, actual })
}

function proveHash({ contentHash }: StoredContent, actual: string): void {
  if (actual !== contentHash) throw damaged('a content is not what was saved', { expected: contentHash, actual })
}
