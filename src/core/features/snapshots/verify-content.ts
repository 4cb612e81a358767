// The content of snapshots: that its chunks are in packs, that they hold what their ids say, that the whole has its hash. What
// several snapshots share is read once. Of a damaged one the report names what is lost.

import { isStorageError, StorageError } from '../../base/errors.js'
import { sha256Hex } from '../../codec/hash.js'
import { utf8 } from '../../base/bytes.js'
import type { ChunkId, ChunkKind } from '../../engine/content/chunks.js'
import { packKey } from '../../engine/content/pack-catalogue.js'
import { salvageContent } from '../../engine/content/salvage-content.js'
import { walkChunks } from '../../engine/content/walk-chunks.js'
import { contentOf, decodeState, piecesOf } from './contents.js'
import { isDamage } from './damage.js'
import { SNAPSHOTS } from './layout.js'
import type { Manifest, TreeManifest } from './manifest.js'
import type { SnapshotPlace } from './place.js'
import type { Summary } from './summary.js'
import type { SnapshotProblem, VerifyLevel } from './upkeep-types.js'
import { problemOf } from './verify-problem.js'

/** More are not remembered: what they are shared by is read again then. */
const MAX_KNOWN = 200_000
const READ_AT_ONCE = 64

interface WantedLeaf {
  readonly id: ChunkId
  readonly kind: ChunkKind
}

export class ContentChecker {
  readonly #place: SnapshotPlace
  readonly #level: VerifyLevel
  readonly #signal: AbortSignal | undefined
  /** Found whole, with all below them. */
  #known = new Set<ChunkId>()
  readonly #restored = new Set<string>()
  readonly #packs = new Set<string>()
  #isListed = false
  #bytes = 0

  constructor(place: SnapshotPlace, level: VerifyLevel, signal: AbortSignal | undefined) {
    this.#place = place
    this.#level = level
    this.#signal = signal
  }

  /** Of contents, that were read. */
  get bytes(): number {
    return this.#bytes
  }

  /** Packs that hold what was checked. */
  get packs(): ReadonlySet<string> {
    return this.#packs
  }

  /** `corrupt`, `missing` or `unsupported` for the first thing that is wrong. */
  async check(manifest: Manifest): Promise<void> {
    if (this.#level === 'restore' || manifest.format === 1) await this.#restore(manifest)
    else await this.#walk(manifest)
  }

  /** What is wrong with a snapshot, with the exact paths that are lost. */
  async explain(summary: Summary, error: unknown): Promise<SnapshotProblem> {
    const { pack, blob } = isStorageError(error) ? error.facts : {}
    const key = typeof pack === 'string' ? packKey(SNAPSHOTS, pack) : typeof blob === 'string' ? blob : undefined
    const paths = await this.lostPaths(summary)
    return problemOf({ id: summary.id, ...(key === undefined ? {} : { key }), ...(paths.length === 0 ? {} : { paths }) }, error)
  }

  async lostPaths(summary: Summary): Promise<string[]> {
    try {
      const manifest = await this.#place.index.manifestOf(summary, this.#signal)
      if (manifest.format === 1) return []
      const decode = (bytes: Uint8Array): unknown => decodeState(this.#place, manifest, bytes)
      const { lost } = await salvageContent(this.#place.packs, contentOf(manifest), decode, this.#options())
      return [...new Set(lost.map(({ path }) => path))]
    } catch (error) {
      if (isDamage(error)) return []
      throw error
    }
  }

  async #restore(manifest: Manifest): Promise<void> {
    const name = manifest.format === 1 ? manifest.id : await sha256Hex(utf8(JSON.stringify([manifest.contentHash, manifest.root])))
    if (this.#restored.has(name)) return
    for await (const piece of piecesOf(this.#place, manifest, this.#signal)) this.#bytes += piece.length
    this.#restored.add(name)
  }

  async #walk(manifest: TreeManifest): Promise<void> {
    const { packs } = this.#place
    if (!this.#isListed) await packs.refresh(this.#signal)
    this.#isListed = true
    const own = new Set<ChunkId>()
    const leaves: WantedLeaf[] = []
    await walkChunks(
      packs,
      contentOf(manifest).root,
      (id, kind) => {
        if (own.has(id) || this.#known.has(id)) return false
        own.add(id)
        for (const pack of packs.packsOf(id)) this.#packs.add(pack)
        if (kind === 'leaf') leaves.push({ id, kind })
        return true
      },
      this.#options(),
    )
    if (this.#level === 'chunks') await this.#read(leaves)
    else await this.#findAll(leaves)
    for (const id of own) this.#know(id)
  }

  async #read(leaves: readonly WantedLeaf[]): Promise<void> {
    for (let at = 0; at < leaves.length; at += READ_AT_ONCE) {
      const found = await this.#place.packs.getMany(leaves.slice(at, at + READ_AT_ONCE), this.#options())
      for (const { length } of found) this.#bytes += length
    }
  }

  async #findAll(leaves: readonly WantedLeaf[]): Promise<void> {
    const { packs } = this.#place
    const absent = (): WantedLeaf | undefined => leaves.find(({ id }) => packs.packsOf(id).length === 0)
    if (absent() === undefined) return
    await packs.refresh(this.#signal)
    const lost = absent()
    if (lost === undefined) return
    throw new StorageError('missing', 'a chunk is in no pack', { facts: { expected: lost.id, actual: 'nothing' } })
  }

  #know(id: ChunkId): void {
    if (this.#known.size >= MAX_KNOWN) this.#known = new Set()
    this.#known.add(id)
  }

  #options(): { readonly signal?: AbortSignal } {
    return this.#signal === undefined ? {} : { signal: this.#signal }
  }
}
