// Taking away what no snapshot reaches, while others save and read. Packs that are to go are named in the collection's cell
// (nobody relies on them from then on), then every session is stamped (who relied on them before can commit no more, and what
// was committed is seen), then what they still hold that is reachable is copied, then they are deleted. It may be cut anywhere
// and begun again, and two may run: names are never used again, so that a late delete harms nothing.

import { toHex } from '../../base/bytes.js'
import type { Clock } from '../../base/clock.js'
import { isStorageError, StorageError } from '../../base/errors.js'
import { inParallelBatches } from '../../base/in-parallel.js'
import { newSalt } from '../../codec/envelope.js'
import type { BlobStore } from '../../ports/blob-store.js'
import type { ChunkId } from './chunks.js'
import { choosePacks } from './choose-packs.js'
import { caughtUp, collectionCell, openCollection, readCollection } from './collection.js'
import type { ContentNode } from './content.js'
import { MarkSet } from './mark-set.js'
import { moveChunks } from './move-chunks.js'
import type { PackStore } from './pack-store.js'
import { walkChunks } from './walk-chunks.js'

const DELETED_AT_ONCE = 64
const MARKED_AT_ONCE = 8
const MAX_MOVED_BYTES = 256 * 1024 * 1024

/** A snapshot, and what it reaches. */
export interface RootedSnapshot {
  readonly id: string
  /** The top of its tree; undefined where it has none. Throws where it cannot be read. */
  load(): Promise<ContentNode | undefined>
  /** Asked where it could not be read: it was deleted meanwhile. */
  isGone(): Promise<boolean>
}

/** What must not be taken away, and what else lies about: the sessions of a store, as a collection needs them. */
export interface CollectedSessions {
  /** All there are, some at a time. */
  each(): AsyncIterable<readonly RootedSnapshot[]>
  /** The latest collection that has stamped one of the sessions that were read so far. */
  latestStamp(): number
  /**
   * Stamps each session so that nobody commits there what an earlier collection knew; all snapshots there are then, or those of
   * them that `each` has not given.
   */
  stamp(epoch: number): AsyncIterable<readonly RootedSnapshot[]>
  /** Called after `each` and before anybody can know of the collection: what seems not to be referred to. Bytes by key. */
  leftovers(): Promise<ReadonlyMap<string, number>>
  /** Which of them nothing refers to, after all sessions are stamped. */
  unreferenced(leftovers: Iterable<string>): Promise<readonly string[]>
}

export interface CollectOptions {
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly path: string
  /** Not used by others at the same time. */
  readonly packs: PackStore
  readonly sessions: CollectedSessions
  readonly dryRun?: boolean
  /** Of reachable chunks that are copied in one run; default 256 MiB. */
  readonly maxBytes?: number
  /** These packs and nothing else: they are damaged. Snapshots that cannot be read do not stop it, but then nothing is deleted. */
  readonly only?: ReadonlySet<string>
  readonly signal?: AbortSignal
  readonly onPhase?: (phase: 'mark' | 'stamp' | 'move' | 'sweep', done: number) => void
}

export interface CollectReport {
  readonly dryRun: boolean
  /** Rises with every collection that had something to do. */
  readonly epoch: number
  /** Snapshots whose content was marked. */
  readonly snapshots: number
  readonly liveChunks: number
  /** What they take in packs, each once. */
  readonly liveBytes: number
  /** That there were before. */
  readonly packs: number
  /** Packs that were deleted, and live bytes that were copied out of them before. */
  readonly removedPacks: number
  readonly movedBytes: number
  /** Manifests, pages and other blobs that nothing referred to. */
  readonly removedBlobs: number
  /** What the store takes less now. */
  readonly reclaimedBytes: number
  /** In packs, afterwards. */
  readonly storedBytes: number
}

export async function collect(options: CollectOptions): Promise<CollectReport> {
  return await new Collector(options).run()
}

class Collector {
  readonly #options: CollectOptions
  readonly #token = toHex(newSalt(16))
  readonly #seen = new Set<string>()
  #marks!: MarkSet
  #isComplete = true

  constructor(options: CollectOptions) {
    this.#options = options
  }

  async run(): Promise<CollectReport> {
    const { packs, sessions, dryRun = false } = this.#options
    const before = await readCollection(this.#cell())
    await packs.refresh(this.#options.signal)
    const { index } = packs.catalogue
    const sizes = new Map([...index.packs()].map(({ name, bytes }) => [name, bytes]))
    this.#marks = new MarkSet(index, (pack) => before.doomed.has(pack))
    await this.#mark(sessions.each(), 'mark')
    const leftovers = this.#options.only === undefined ? await sessions.leftovers() : new Map<string, number>()
    const chosen = this.#choose(before.doomed)
    const isIdle = chosen.length === 0 && leftovers.size === 0 && before.doomed.size === 0
    if (dryRun || isIdle) return this.#report(before.epoch, sizes, this.#foresee(chosen, leftovers, before.doomed))
    const { epoch, doomed } = await this.#publish(chosen)
    await this.#mark(sessions.stamp(epoch), 'stamp')
    const gone = await sessions.unreferenced(leftovers.keys())
    const done = await this.#sweep(doomed, gone)
    const blobBytes = gone.reduce((sum, key) => sum + (leftovers.get(key) ?? 0), 0)
    return this.#report(epoch, sizes, { ...done, blobs: gone.length, blobBytes })
  }

  /**
   * Snapshots that were marked are not marked again. What cannot be read may be mended yet, with all that lies below it:
   * nothing is taken away meanwhile.
   */
  async #mark(snapshots: AsyncIterable<readonly RootedSnapshot[]>, phase: 'mark' | 'stamp'): Promise<void> {
    await inParallelBatches(snapshots, MARKED_AT_ONCE, async (snapshot) => {
      if (this.#seen.has(snapshot.id)) return
      this.#seen.add(snapshot.id)
      await this.#markOne(snapshot)
      this.#options.onPhase?.(phase, this.#seen.size)
    })
  }

  async #markOne(snapshot: RootedSnapshot): Promise<void> {
    const { packs, signal } = this.#options
    signal?.throwIfAborted()
    try {
      const root = await snapshot.load()
      if (root !== undefined) await walkChunks(packs, root, (id) => this.#marks.mark(id), signal === undefined ? {} : { signal })
    } catch (error) {
      const isDamage = isStorageError(error, 'corrupt') || isStorageError(error, 'missing')
      if (!isDamage || !(this.#options.only !== undefined || (await snapshot.isGone()))) throw error
      if (this.#options.only !== undefined) this.#isComplete = false
    }
  }

  #choose(doomed: ReadonlySet<string>): string[] {
    const { packs, only, maxBytes = MAX_MOVED_BYTES } = this.#options
    if (only !== undefined) return [...only].filter((name) => packs.catalogue.index.pack(name) !== undefined)
    const weighed = [...packs.catalogue.index.packs()].filter(({ name }) => !doomed.has(name) && !packs.catalogue.damaged.has(name))
    const sized = weighed.map((pack) => ({ name: pack.name, bytes: pack.bytes, liveBytes: this.#marks.liveBytes(pack) }))
    return choosePacks(sized, { packBytes: packs.packBytes, maxBytes })
  }

  /** What others doomed before and did not finish is taken over. */
  async #publish(chosen: readonly string[]): Promise<{ epoch: number; doomed: readonly string[] }> {
    const { sessions } = this.#options
    const published = await this.#cell().update((stored) => {
      const { format, epoch, doomed } = caughtUp(stored, sessions.latestStamp()) ?? openCollection(stored)
      return { format, epoch: epoch + 1, token: this.#token, doomed: [...new Set([...doomed, ...chosen])].sort() }
    })
    const { epoch, doomed } = openCollection(published)
    return { epoch, doomed }
  }

  async #sweep(doomed: readonly string[], leftovers: readonly string[]): Promise<Removed> {
    const { packs, signal, onPhase } = this.#options
    await this.#checkToken()
    const moved = await moveChunks(packs, doomed, {
      isLive: (id: ChunkId) => this.#marks.has(id),
      signal,
      onMoved: (bytes) => onPhase?.('move', bytes),
    })
    const isGoing = (name: string): boolean => this.#isComplete && packs.catalogue.index.pack(name) !== undefined && !moved.kept.has(name)
    const known = doomed.filter(isGoing)
    const keys = [...known.map((name) => packs.catalogue.keyOf(name)), ...leftovers]
    for (let at = 0; at < keys.length; at += DELETED_AT_ONCE) {
      signal?.throwIfAborted()
      await this.#checkToken()
      await this.#options.blobs.delete(keys.slice(at, at + DELETED_AT_ONCE))
      onPhase?.('sweep', at)
    }
    await packs.refresh(signal)
    if (known.length > 0) await packs.catalogue.rebuild()
    await this.#release()
    return { packs: known, movedBytes: moved.bytes }
  }

  /** Doomed packs that are still there stay doomed: a delete that was sent may yet come through. */
  async #release(): Promise<void> {
    const { index } = this.#options.packs.catalogue
    await this.#cell().update((stored) => {
      const { format, epoch, token, doomed } = openCollection(stored)
      if (token !== this.#token) return undefined
      return { format, epoch, doomed: doomed.filter((name) => index.pack(name) !== undefined) }
    })
  }

  async #checkToken(): Promise<void> {
    const { token } = await readCollection(this.#cell())
    if (token === this.#token) return
    throw new StorageError('fenced', 'another collection has begun', { operation: 'collect' })
  }

  #cell() {
    const { blobs, clock, path } = this.#options
    return collectionCell(blobs, clock, path)
  }

  #foresee(chosen: readonly string[], leftovers: ReadonlyMap<string, number>, doomed: ReadonlySet<string>): Foreseen {
    const { index } = this.#options.packs.catalogue
    const going = [...new Set([...chosen, ...doomed])].flatMap((name) => index.pack(name) ?? [])
    const movedBytes = going.reduce((sum, pack) => sum + this.#marks.liveBytes(pack), 0)
    const blobBytes = [...leftovers.values()].reduce((sum, bytes) => sum + bytes, 0)
    return { packs: going.map(({ name }) => name), movedBytes, blobs: leftovers.size, blobBytes }
  }

  #report(epoch: number, sizes: ReadonlyMap<string, number>, { packs, movedBytes, blobs, blobBytes }: Foreseen): CollectReport {
    const { dryRun = false } = this.#options
    const removed = packs.reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0)
    const before = [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0)
    return {
      dryRun,
      epoch,
      snapshots: this.#seen.size,
      liveChunks: this.#marks.chunks,
      liveBytes: this.#marks.bytes,
      packs: sizes.size,
      removedPacks: packs.length,
      movedBytes,
      removedBlobs: blobs,
      reclaimedBytes: removed - movedBytes + blobBytes,
      storedBytes: before - removed + movedBytes,
    }
  }
}

interface Removed {
  readonly packs: readonly string[]
  readonly movedBytes: number
}

interface Foreseen extends Removed {
  readonly blobs: number
  readonly blobBytes: number
}
