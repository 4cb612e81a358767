// What the verbs of an opened handle share.

import type { Codec } from '../../codec/codec.js'
import type { CompressionSet } from '../../codec/compression-set.js'
import type { StoreContext } from '../../derived/resolve.js'
import type { PackStore } from '../../engine/content/pack-store.js'
import type { SnapshotIndex } from './snapshot-index.js'

export interface SnapshotPlace {
  readonly context: StoreContext
  readonly index: SnapshotIndex
  readonly packs: PackStore
  /** The same packs, with nothing read yet, and past a cache. */
  readonly unread: () => PackStore
  /** The same place past the cache, where one lies between: for who asks what the store really holds. */
  readonly past?: SnapshotPlace
  /** Ends the cache. */
  readonly close?: () => Promise<void>
  /** How states are written. */
  readonly codec: Codec
  readonly compression: CompressionSet
}
