// What contents are made of: chunks, addressed by the hash of what they hold, so that equal ones are stored once. Where they
// lie is another matter (packs); how they hang together another again (nodes).

import type { Cancellable } from '../../ports/options.js'

/** One byte of algorithm and 32 of hash, in base64url: 44 characters. */
export type ChunkId = string

/** A piece of the content itself, or of the tree above it: the kind is hashed with the bytes, so that one never passes for the other. */
export type ChunkKind = 'leaf' | 'node'

export interface ChunkSource {
  /** Proved by its id. `corrupt` with `expected` and `actual` when damaged, `missing` when no pack has it. */
  get(id: ChunkId, kind: ChunkKind, options?: Cancellable): Promise<Uint8Array>
}

export interface ChunkSink {
  /** Its id, at the latest when it is stored; what is there already is not stored again. Called again after it resolved. The bytes are only lent until this resolves. */
  put(kind: ChunkKind, plain: Uint8Array): Promise<ChunkId>
}
