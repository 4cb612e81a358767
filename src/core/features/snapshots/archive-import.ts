// Snapshots out of an archive, under their own ids. A chunk gets the name that its bytes give it, so that a state which
// refers to it is what it was, or is not there.

import { isStorageError, StorageError } from '../../base/errors.js'
import { idOf } from '../../engine/content/chunk-id.js'
import type { ChunkId, ChunkKind, ChunkSource } from '../../engine/content/chunks.js'
import type { StoredContent } from '../../engine/content/content.js'
import type { PackBatch } from '../../engine/content/pack-batch.js'
import { walkChunks } from '../../engine/content/walk-chunks.js'
import { adopt } from './adopt.js'
import { type ArchivedChunk, type ArchivedSnapshot, decodeChunks, decodeSnapshot } from './archive-format.js'
import type { SnapshotImportReport } from './archive-types.js'
import type { SnapshotPlace } from './place.js'
import { overtaken } from './publish.js'
import type { ComingSnapshot } from './summary.js'
import type { SnapshotInfo } from './types.js'

/** The body of the next section, which holds chunks; undefined where the snapshot was deleted in the middle; `corrupt` where nothing follows. */
export type NextChunks = () => Promise<Uint8Array | undefined>

/** It was deleted while it was exported. */
const GONE = new Error('the snapshot is not in the archive')

export class SnapshotImport {
  readonly #place: SnapshotPlace
  readonly #signal: AbortSignal | undefined
  readonly #told: (info: SnapshotInfo) => void
  #report: SnapshotImportReport = { imported: 0, skipped: 0, storedBytes: 0 }

  constructor(place: SnapshotPlace, signal: AbortSignal | undefined, told: (info: SnapshotInfo) => void) {
    this.#place = place
    this.#signal = signal
    this.#told = told
  }

  get report(): SnapshotImportReport {
    return this.#report
  }

  /** One snapshot and the chunks that follow it. */
  async take(body: Uint8Array, next: NextChunks): Promise<void> {
    const one = new ArrivingContent(this.#place, decodeSnapshot(body), next, this.#signal)
    const isNew = await this.#adopt(one)
    if (isNew === undefined) return
    const { imported, skipped, storedBytes } = this.#report
    this.#report = isNew
      ? { imported: imported + 1, skipped, storedBytes: storedBytes + one.storedBytes }
      : { imported, skipped: skipped + 1, storedBytes }
    if (isNew) this.#told(one.info)
  }

  /** Whether it was not there; undefined where the archive does not have it after all. */
  async #adopt(one: ArrivingContent): Promise<boolean | undefined> {
    try {
      const isNew = await adopt(this.#place, one.info, (batch) => one.store(batch), this.#signal)
      await one.skipRest()
      return isNew
    } catch (error) {
      if (error === GONE) return undefined
      throw error
    }
  }
}

class ArrivingContent {
  readonly info: ComingSnapshot
  readonly #place: SnapshotPlace
  readonly #content: StoredContent
  readonly #next: NextChunks
  readonly #signal: AbortSignal | undefined
  /** The tree above the leaves: small, and wanted before it can be found in a pack. */
  readonly #nodes = new Map<ChunkId, Uint8Array>()
  #left: number
  #runs = 0
  #stored = 0

  constructor(place: SnapshotPlace, { info, content, chunks }: ArchivedSnapshot, next: NextChunks, signal: AbortSignal | undefined) {
    this.info = info
    this.#place = place
    this.#content = content
    this.#left = chunks
    this.#next = next
    this.#signal = signal
  }

  get storedBytes(): number {
    return this.#stored
  }

  /** Runs again where a collection passed: what came by then is in packs, or gone. */
  async store(batch: PackBatch): Promise<StoredContent> {
    this.#runs++
    while (this.#left > 0) {
      for await (const { kind, plain } of this.#arrived()) {
        if (kind === 'node') this.#nodes.set(await idOf(kind, plain), plain)
        await batch.put(kind, plain)
      }
    }
    await this.#keepAll(batch)
    this.#stored = await batch.storedSoFar()
    return this.#content
  }

  /** Of a snapshot that is there. */
  async skipRest(): Promise<void> {
    while (this.#left > 0) for await (const _ of this.#arrived());
  }

  /** What the next section holds. */
  async *#arrived(): AsyncGenerator<ArchivedChunk> {
    const body = await this.#next()
    if (body === undefined) throw GONE
    for (const chunk of decodeChunks(body)) {
      if (this.#left-- === 0) throw new StorageError('corrupt', 'the archive holds other chunks than it says', { key: this.info.id })
      yield chunk
    }
  }

  /** Everything it refers to is here, or came with a snapshot before. */
  async #keepAll(batch: PackBatch): Promise<void> {
    const found: { readonly id: ChunkId; readonly kind: ChunkKind }[] = []
    const seen = new Set<ChunkId>()
    try {
      await walkChunks(this.#source(), this.#content.root, (id, kind) => {
        if (seen.has(id)) return false
        seen.add(id)
        found.push({ id, kind })
        return true
      })
      for (const { id, kind } of found) {
        this.#signal?.throwIfAborted()
        const node = this.#nodes.get(id)
        if (node === undefined) await batch.keep(id, kind)
        else await batch.put(kind, node)
      }
    } catch (error) {
      if (!isStorageError(error, 'missing')) throw error
      if (this.#runs > 1) throw overtaken('import', error)
      const message = 'the archive refers to a chunk that it does not hold, or a collection took it meanwhile: import it again'
      throw new StorageError('corrupt', message, { key: this.info.id, cause: error, facts: error.facts })
    }
  }

  #source(): ChunkSource {
    return {
      get: async (id, kind, options) =>
        (kind === 'node' ? this.#nodes.get(id) : undefined) ?? (await this.#place.packs.get(id, kind, options)),
    }
  }
}
