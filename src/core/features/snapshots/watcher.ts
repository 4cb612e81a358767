// Changes of the snapshots, wherever they are made: a signal or a second that has passed leads to reading the session
// cells again, and what differs from what was known is told. Runs only while somebody listens.

import { isStorageError } from '../../base/errors.js'
import { Latch, nextWake, POLL_MS } from '../../base/latch.js'
import { Mutex } from '../../base/mutex.js'
import type { StoreContext } from '../../derived/resolve.js'
import type { SnapshotIndex } from './snapshot-index.js'
import type { Summary } from './summary.js'
import type { SessionRef, SnapshotChange } from './types.js'

const TOPIC = 'snapshots'
const RECENT = 'recent'

/** By page, and `recent`: pages never change, so that only others than before are read. */
type Parts = ReadonlyMap<string, readonly SnapshotChange[]>

interface KnownSession {
  readonly version: string
  readonly parts: Parts
}

export class SnapshotWatcher {
  readonly #context: StoreContext
  readonly #index: SnapshotIndex
  readonly #listeners = new Set<(change: SnapshotChange) => void>()
  readonly #turns = new Mutex()
  #known: Map<string, KnownSession> | undefined
  /** What this object told, and during which comparison, so that the next one does not tell it twice. */
  #told = new Map<string, number>()
  #comparison = 0
  readonly #looked = new Latch()
  #isDamaged = false
  #stop: (() => void) | undefined

  constructor(context: StoreContext, index: SnapshotIndex) {
    this.#context = context
    this.#index = index
  }

  watch(listener: (change: SnapshotChange) => void): () => void {
    const own = (change: SnapshotChange): void => listener(change)
    this.#listeners.add(own)
    this.#stop ??= this.#start()
    return () => {
      this.#listeners.delete(own)
      if (this.#listeners.size === 0) this.close()
    }
  }

  /** Resolves once all that is saved from now on is told: after the first reading, or where there is none to wait for. */
  async ready(signal?: AbortSignal): Promise<void> {
    const { backend, clock } = this.#context
    if (backend.requestScoped) return
    while (this.#stop !== undefined && this.#known === undefined && !this.#isDamaged && !signal?.aborted)
      await nextWake(clock, (wake) => this.#looked.listen(wake), POLL_MS, signal)
  }

  /** What was changed through this object: told here at once, elsewhere by a signal. */
  changed(changes: readonly SnapshotChange[]): void {
    for (const change of changes) {
      if (change.type === 'saved') this.#forgetDeleted(change.id)
      this.#tell(change)
    }
    if (changes.length > 0) this.#context.backend.signals?.send(TOPIC)
  }

  /** One that came back by an import is new once more. */
  #forgetDeleted(id: string): void {
    if (this.#told.delete(`deleted ${id}`)) this.#told.delete(`saved ${id}`)
  }

  close(): void {
    this.#listeners.clear()
    this.#stop?.()
    this.#stop = undefined
    this.#known = undefined
    this.#told = new Map()
    this.#looked.wake()
  }

  #start(): () => void {
    const { backend, clock } = this.#context
    if (backend.requestScoped) return () => {}
    let isStopped = false
    let cancel = (): void => {}
    const look = (): void => {
      cancel()
      void this.#look(() => isStopped).then(() => {
        cancel()
        if (!isStopped) cancel = clock.after(POLL_MS, look)
      })
    }
    const unlisten = backend.signals?.listen(TOPIC, look)
    look()
    return () => {
      isStopped = true
      cancel()
      unlisten?.()
    }
  }

  /** Never rejects: a store that cannot be read now is read again at the next turn. */
  async #look(isStopped: () => boolean): Promise<void> {
    try {
      await this.#turns.run(async () => {
        if (!isStopped()) await this.#compare(isStopped)
      })
      this.#isDamaged = false
    } catch (error) {
      if (!isStorageError(error)) throw error
      this.#isDamaged = !isStorageError(error, 'unavailable')
    } finally {
      this.#looked.wake()
    }
  }

  async #compare(isStopped: () => boolean): Promise<void> {
    const comparison = ++this.#comparison
    const now = new Map<string, KnownSession>()
    for await (const { key, version } of this.#index.cells()) {
      const before = this.#known?.get(key)
      const session = before?.version === version ? before : await this.#readSession(key, before)
      if (session !== undefined) now.set(key, session)
    }
    if (isStopped()) return
    const before = this.#known
    this.#known = now
    if (before !== undefined) for (const [key, session] of now) this.#tellDifferences(before.get(key)?.parts ?? new Map(), session.parts)
    // What was told before this reading began is known by it.
    for (const [mark, told] of this.#told) if (told < comparison) this.#told.delete(mark)
  }

  async #readSession(key: string, before: KnownSession | undefined): Promise<KnownSession | undefined> {
    const opened = await this.#index.open(key)
    if (opened === undefined) return undefined
    const { state, version } = opened
    const changesOf = (summaries: readonly Summary[]): SnapshotChange[] => summaries.map((one) => changeOf('saved', state, one))
    const parts = new Map<string, readonly SnapshotChange[]>()
    for (const [page] of state.pages) parts.set(page, before?.parts.get(page) ?? changesOf(await this.#index.pages.read(page)))
    parts.set(RECENT, changesOf(state.recent))
    return { version, parts }
  }

  #tellDifferences(before: Parts, now: Parts): void {
    if (before === now) return
    const old = differing(before, now)
    const fresh = differing(now, before)
    for (const [id, change] of fresh) if (!old.has(id)) this.#tell(change)
    for (const [id, change] of old) if (!fresh.has(id)) this.#tell({ ...change, type: 'deleted' })
  }

  #tell(change: SnapshotChange): void {
    const mark = `${change.type} ${change.id}`
    if (this.#listeners.size === 0 || this.#told.has(mark)) return
    this.#told.set(mark, this.#comparison)
    for (const listener of [...this.#listeners]) call(listener, change)
  }
}

/** What stands in parts that the other has not. */
function differing(parts: Parts, other: Parts): ReadonlyMap<string, SnapshotChange> {
  const found = new Map<string, SnapshotChange>()
  for (const [part, changes] of parts) if (part === RECENT || !other.has(part)) for (const change of changes) found.set(change.id, change)
  return found
}

/** A listener that throws is the host's to report, as for an event: the save that is told has succeeded. */
function call(listener: (change: SnapshotChange) => void, change: SnapshotChange): void {
  try {
    listener(change)
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}

export function changeOf(
  type: SnapshotChange['type'],
  { agent, session }: SessionRef,
  { id, branch, index }: Pick<Summary, 'id' | 'branch' | 'index'>,
): SnapshotChange {
  return { type, id, agent, session, branch, index }
}
