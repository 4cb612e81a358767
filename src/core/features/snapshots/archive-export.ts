// Snapshots on their way into an archive, oldest first, each chunk once. One that is deleted meanwhile is left out, also where
// a collection takes its chunks in the middle of it.

import { isStorageError, StorageError } from '../../base/errors.js'
import { each } from '../../base/map-ordered.js'
import type { SectionToWrite } from '../../codec/archive/write.js'
import { idOf } from '../../engine/content/chunk-id.js'
import type { ChunkId, ChunkKind } from '../../engine/content/chunks.js'
import type { StoredContent } from '../../engine/content/content.js'
import { cutContent } from '../../engine/content/cut-content.js'
import type { WantedChunk } from '../../engine/content/pack-store.js'
import { storeContent } from '../../engine/content/store-content.js'
import { walkChunks } from '../../engine/content/walk-chunks.js'
import { type ArchivedChunk, encodeChunks, encodeSnapshot } from './archive-format.js'
import { bytesOf, contentOf } from './contents.js'
import { oldestFirst } from './copy.js'
import { hasMetadata } from './list.js'
import type { OldManifest, TreeManifest } from './manifest.js'
import type { SnapshotPlace } from './place.js'
import type { Located } from './snapshot-index.js'
import { asFirstSaved } from './summary.js'
import type { SnapshotFilter, SnapshotInfo } from './types.js'

const SECTION_BYTES = 1024 * 1024
const READS = 16

/** What a snapshot is made of, as far as no snapshot before it brought it along. */
interface Taken {
  readonly info: SnapshotInfo
  readonly content: StoredContent
  readonly ids: readonly ChunkId[]
  readonly chunks: AsyncGenerator<ArchivedChunk>
}

export class SnapshotExport {
  readonly #place: SnapshotPlace
  readonly #filter: Omit<SnapshotFilter, 'signal'>
  readonly #options: { readonly signal?: AbortSignal }
  readonly #exported = new Set<ChunkId>()
  #located: readonly Located[] = []

  constructor(place: SnapshotPlace, filter: Omit<SnapshotFilter, 'signal'>, signal: AbortSignal | undefined) {
    this.#place = place
    this.#filter = filter
    this.#options = signal === undefined ? {} : { signal }
  }

  /** Which there are; those that come later are not in the archive. */
  async fixCut(): Promise<void> {
    this.#located = await oldestFirst(this.#place, this.#filter, this.#options.signal)
  }

  async *sections(): AsyncGenerator<SectionToWrite> {
    for (const located of this.#located) {
      this.#options.signal?.throwIfAborted()
      const taken = await this.#unlessGone(located, () => this.#take(located))
      if (taken !== undefined) yield* this.#one(located, taken)
    }
  }

  async *#one(located: Located, { info, content, ids, chunks }: Taken): AsyncGenerator<SectionToWrite> {
    yield { type: 'snapshot', body: encodeSnapshot({ info, content, chunks: ids.length }), counts: { snapshots: 1 } }
    for (const id of ids) this.#exported.add(id)
    const sections = chunkSections(chunks)
    for (;;) {
      const next = await this.#unlessGone(located, () => sections.next())
      if (next === undefined) {
        for (const id of ids) this.#exported.delete(id)
        yield { type: 'snapshotGone', body: new Uint8Array(0), counts: { snapshots: -1 } }
        return
      }
      if (next.done) break
      yield next.value
    }
  }

  /** undefined where it fails because the snapshot was deleted. */
  async #unlessGone<T>({ state, summary }: Located, run: () => Promise<T>): Promise<T | undefined> {
    try {
      return await run()
    } catch (error) {
      if (!isStorageError(error)) throw error
      if ((await this.#place.index.locateIn(state, summary, this.#options.signal)) === undefined) return undefined
      const { code, message, facts } = error
      throw new StorageError(code, `a snapshot cannot be exported: ${message}`, {
        operation: 'export',
        key: summary.id,
        facts,
        cause: error,
      })
    }
  }

  /** undefined where it is not there, or not wanted. */
  async #take(located: Located): Promise<Taken | undefined> {
    const { index } = this.#place
    const here = await index.info(located, this.#options.signal)
    if (here === undefined || !hasMetadata(here, this.#filter.metadata)) return undefined
    const info = asFirstSaved(here, located.summary)
    const manifest = await index.manifestOf(located.summary, this.#options.signal)
    return manifest.format === 1 ? this.#takeOld(info, manifest) : this.#takeTree(info, manifest)
  }

  async #takeTree(info: SnapshotInfo, manifest: TreeManifest): Promise<Taken> {
    const content = contentOf(manifest)
    const wanted = new Map<ChunkId, WantedChunk>()
    const isNew = (id: ChunkId, kind: ChunkKind): boolean => {
      if (this.#exported.has(id) || wanted.has(id)) return false
      wanted.set(id, { id, kind })
      return true
    }
    await walkChunks(this.#place.packs, content.root, isNew, this.#options)
    return { info, content, ids: [...wanted.keys()], chunks: this.#read([...wanted.values()]) }
  }

  /** Its state is in memory as a whole, as it is when it is loaded. */
  async #takeOld(info: SnapshotInfo, manifest: OldManifest): Promise<Taken> {
    const bytes = await bytesOf(this.#place, manifest, this.#options)
    const chunks = new Map<ChunkId, ArchivedChunk>()
    const put = async (kind: ChunkKind, plain: Uint8Array): Promise<ChunkId> => {
      const id = await idOf(kind, plain)
      if (!this.#exported.has(id)) chunks.set(id, { kind, plain: plain.slice() })
      return id
    }
    const content = await storeContent(cutContent({ codec: manifest.codec, bytes }), { put }, this.#options)
    return { info, content, ids: [...chunks.keys()], chunks: each([...chunks.values()]) }
  }

  async *#read(wanted: readonly WantedChunk[]): AsyncGenerator<ArchivedChunk> {
    for (let at = 0; at < wanted.length; at += READS) {
      const some = wanted.slice(at, at + READS)
      const read = await this.#place.packs.getMany(some, this.#options)
      for (const [index, plain] of read.entries()) yield { kind: (some[index] as WantedChunk).kind, plain }
    }
  }
}

async function* chunkSections(arriving: AsyncIterable<ArchivedChunk>): AsyncGenerator<SectionToWrite> {
  let chunks: ArchivedChunk[] = []
  let bytes = 0
  for await (const chunk of arriving) {
    chunks.push(chunk)
    bytes += chunk.plain.length
    if (bytes < SECTION_BYTES) continue
    yield { type: 'chunks', body: encodeChunks(chunks) }
    chunks = []
    bytes = 0
  }
  if (chunks.length > 0) yield { type: 'chunks', body: encodeChunks(chunks) }
}
