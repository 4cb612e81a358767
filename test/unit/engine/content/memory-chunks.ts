// Chunks in a Map, with what was put and read counted.

import { createHash } from 'node:crypto'
import type { ChunkId, ChunkKind, ChunkSink, ChunkSource } from '../../../../dist/core/engine/content/chunks.js'
import { StorageError } from '../../../../dist/core/base/errors.js'

export class MemoryChunks implements ChunkSink, ChunkSource {
  readonly chunks = new Map<ChunkId, { kind: ChunkKind; bytes: Uint8Array }>()
  /** Plain bytes of chunks that were not there before. */
  addedBytes = 0
  puts = 0
  readonly gets: ChunkId[] = []

  async put(kind: ChunkKind, plain: Uint8Array): Promise<ChunkId> {
    const id = idOf(kind, plain)
    this.puts++
    if (!this.chunks.has(id)) {
      this.addedBytes += plain.length
      this.chunks.set(id, { kind, bytes: plain.slice() })
    }
    return id
  }

  async get(id: ChunkId, kind: ChunkKind): Promise<Uint8Array> {
    this.gets.push(id)
    const chunk = this.chunks.get(id)
    if (chunk === undefined || chunk.kind !== kind) throw new StorageError('missing', 'a chunk is not there', { facts: { id } })
    if (idOf(kind, chunk.bytes) !== id)
      throw new StorageError('corrupt', 'a chunk is damaged', { facts: { expected: id, actual: 'other' } })
    return chunk.bytes
  }

  /** Bytes that `work` adds. */
  async added(work: () => Promise<unknown>): Promise<number> {
    const before = this.addedBytes
    await work()
    return this.addedBytes - before
  }

  damage(id: ChunkId): void {
    const chunk = this.chunks.get(id)
    if (chunk === undefined) throw new Error('no such chunk')
    const bytes = chunk.bytes.slice()
    bytes[0] = (bytes[0] as number) ^ 1
    this.chunks.set(id, { kind: chunk.kind, bytes })
  }
}

function idOf(kind: ChunkKind, plain: Uint8Array): ChunkId {
  return Buffer.concat([Buffer.from([1]), createHash('sha256').update(kind).update(plain).digest()]).toString('base64url')
}
