// The other half: the leaves in the order of the text, then the nodes above them. What is stored already the sink passes by.

import { textIn } from '../../base/bytes.js'
import { sha256Hex, sha256Stream } from '../../codec/hash.js'
import type { Cancellable } from '../../ports/options.js'
import type { ChunkId, ChunkSink } from './chunks.js'
import { type ContentNode, type ContentPart, type StoredContent, valueBytes } from './content.js'
import { type ContentCut, JSON_ID, pieceClass } from './cut-content.js'
import { type ByteSource, cutStream } from './cut-stream.js'
import type { CutLeaf, CutNode, CutPart } from './cut-tree.js'
import { NodeBuilder, storeNode } from './node-builder.js'

/** So little text lies in its node: an address would hardly be shorter. */
const INLINE_TEXT_BYTES = 256
/** A nested node of so little JSON lies in its parent. */
const INLINE_NODE_CHARS = 512

/** Stores what is not there yet. Throws what the sink throws. */
export async function storeContent(cut: ContentCut, sink: ChunkSink, options: Cancellable = {}): Promise<StoredContent> {
  const { codec, bytes } = cut
  const hashing = sha256Hex(bytes)
  hashing.catch(() => {})
  const root = await new ContentStorer(cut, sink, options.signal).store()
  return { root, bytes: bytes.length, contentHash: await hashing, codec }
}

class ContentStorer {
  readonly #cut: ContentCut
  readonly #sink: ChunkSink
  readonly #signal: AbortSignal | undefined
  readonly #ids = new Map<CutLeaf, ChunkId>()

  constructor(cut: ContentCut, sink: ChunkSink, signal: AbortSignal | undefined) {
    this.#cut = cut
    this.#sink = sink
    this.#signal = signal
  }

  async store(): Promise<ContentNode> {
    const leaves: CutLeaf[] = []
    this.#collect(this.#cut.tree, leaves)
    for (const leaf of leaves) {
      this.#signal?.throwIfAborted()
      this.#ids.set(leaf, await this.#sink.put('leaf', this.#cut.bytes.subarray(leaf.start, leaf.end)))
    }
    return await this.#node(this.#cut.tree)
  }

  #collect(node: CutNode, leaves: CutLeaf[]): void {
    for (const part of node.parts) {
      if ('node' in part) this.#collect(part.node, leaves)
      else if (!this.#isInline(part)) leaves.push(part)
    }
  }

  /** A piece may end inside a character; the only one does not. */
  #isInline({ start, end, items }: CutLeaf): boolean {
    const isText = items !== undefined || (this.#cut.codec === JSON_ID && end - start === this.#cut.bytes.length)
    return isText && end - start <= INLINE_TEXT_BYTES
  }

  async #node({ kind, parts }: CutNode): Promise<ContentNode> {
    const builder = new NodeBuilder(kind, this.#sink)
    for (const part of parts) {
      const added = builder.add(await this.#part(part))
      if (added !== undefined) await added
    }
    return await builder.finish()
  }

  async #part(part: CutPart): Promise<ContentPart> {
    if (!('node' in part)) return this.#leaf(part)
    const key = part.key === undefined ? {} : { key: part.key }
    const node = await this.#node(part.node)
    if (JSON.stringify(node).length <= INLINE_NODE_CHARS) return { ...key, node }
    return { ...key, node: await storeNode(node, this.#sink), bytes: valueBytes(node) }
  }

  #leaf(leaf: CutLeaf): ContentPart {
    const { start, end, items, keys } = leaf
    const counted = items === undefined ? {} : { items }
    const id = this.#ids.get(leaf)
    if (id === undefined) return { text: textIn(this.#cut.bytes, start, end), ...counted }
    return { leaf: id, bytes: end - start, ...counted, ...(keys === undefined ? {} : { keys }) }
  }
}

export interface StoreStreamOptions extends Cancellable {
  /** Id of the codec whose encoding the stream is; default 0, bytes. */
  readonly codec?: number
  /** Called with the bytes that have been stored so far. */
  readonly onBytes?: (bytes: number) => void
}

/** Stores a stream of any length in bounded memory; the same bytes give the same content as if they came at once, except of JSON. Cancels the source where it fails. */
export async function storeStream(source: ByteSource, sink: ChunkSink, options: StoreStreamOptions = {}): Promise<StoredContent> {
  const { codec = 0, onBytes, signal } = options
  const hash = await sha256Stream()
  const builder = new NodeBuilder('bytes', sink)
  let bytes = 0
  for await (const piece of cutStream(source, pieceClass(codec), signal === undefined ? {} : { signal })) {
    const [leaf] = await Promise.all([sink.put('leaf', piece), hash.update(piece)])
    await builder.add({ leaf, bytes: piece.length })
    bytes += piece.length
    onBytes?.(bytes)
  }
  return { root: await builder.finish(), bytes, contentHash: await hash.hex(), codec }
}
