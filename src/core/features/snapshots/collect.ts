// What a collection of garbage has to know of sessions: which snapshots there are, how a session is stamped, and which
// manifests, pages and contents of format 1 nothing refers to.

import { StorageError } from '../../base/errors.js'
import { type CollectedSessions, collect, type RootedSnapshot } from '../../engine/content/collect.js'
import { adoptedKey, contentPrefix, isManifestKey, MANIFESTS, manifestKey, PAGES, pageKey, SNAPSHOTS } from './layout.js'
import type { SnapshotPlace } from './place.js'
import type { PageRef, SessionState } from './session.js'
import type { OpenedSession } from './snapshot-index.js'
import type { Summary } from './summary.js'
import type { CollectOptions, CollectReport } from './upkeep-types.js'

const CONTENTS = `${SNAPSHOTS}/content/`
/** What nobody knows is nobody's to delete. */
const OWN: readonly (readonly [prefix: string, isOwn: (key: string) => boolean])[] = [
  [MANIFESTS, isManifestKey],
  [PAGES, (key) => /^[0-9a-f]{32}$/.test(key.slice(PAGES.length))],
  [CONTENTS, (key) => /^[0-9a-f-]{36}-\d{6}$/.test(key.slice(CONTENTS.length))],
]
const PART_DIGITS = 6

export async function collectGarbage(place: SnapshotPlace, options: CollectOptions): Promise<CollectReport> {
  const { dryRun = false, maxBytes, signal, onProgress } = options
  if (maxBytes !== undefined && !(maxBytes > 0)) {
    throw new StorageError('invalid', 'maxBytes is more than 0', { operation: 'collect', facts: { maxBytes } })
  }
  return await collect({
    blobs: place.context.backend.blobs,
    clock: place.context.clock,
    path: SNAPSHOTS,
    packs: place.unread(),
    sessions: new CollectedSessionCells(place, signal),
    dryRun,
    ...(maxBytes === undefined ? {} : { maxBytes }),
    ...(signal === undefined ? {} : { signal }),
    onPhase: (phase, done) => (phase === 'move' ? onProgress?.({ phase, doneBytes: done }) : onProgress?.({ phase, doneBytes: 0, done })),
  })
}

/** The cells of a store, for one collection. */
export class CollectedSessionCells implements CollectedSessions {
  readonly #place: SnapshotPlace
  readonly #signal: AbortSignal | undefined
  /** Keys of blobs, and of contents their common beginning. */
  readonly #referred = new Set<string>()
  /** Pages, which never change, all of whose snapshots were given out. */
  readonly #walked = new Set<string>()
  #latestStamp = 0

  constructor(place: SnapshotPlace, signal: AbortSignal | undefined) {
    this.#place = place
    this.#signal = signal
  }

  async *each(): AsyncGenerator<RootedSnapshot[]> {
    for await (const { key, state } of this.#place.index.sessions(this.#options())) yield* this.#snapshots(key, state)
  }

  latestStamp(): number {
    return this.#latestStamp
  }

  async *stamp(epoch: number): AsyncGenerator<RootedSnapshot[]> {
    for await (const opened of this.#place.index.sessions(this.#options()))
      yield* this.#snapshots(opened.key, await this.#stampOne(opened, epoch))
  }

  async leftovers(): Promise<ReadonlyMap<string, number>> {
    const found = new Map<string, number>()
    for (const [prefix, isOwn] of OWN) {
      for await (const { key, bytes } of this.#place.context.backend.blobs.list({ prefix, ...this.#options() })) {
        if (isOwn(key) && !this.#isReferred(key)) found.set(key, bytes)
      }
    }
    return found
  }

  async unreferenced(leftovers: Iterable<string>): Promise<readonly string[]> {
    return [...leftovers].filter((key) => !this.#isReferred(key))
  }

  /** As it is from then on. Another collection may have come further. */
  async #stampOne({ state }: OpenedSession, epoch: number): Promise<SessionState> {
    const { index } = this.#place
    let seen = state
    await index.change(
      index.cell(state),
      (now) => {
        seen = now
        return now.swept < epoch ? { ...now, swept: epoch } : undefined
      },
      this.#signal,
    )
    return seen
  }

  async *#snapshots(key: string, state: SessionState): AsyncGenerator<RootedSnapshot[]> {
    this.#latestStamp = Math.max(this.#latestStamp, state.swept)
    for (const [page] of state.pages) this.#referred.add(pageKey(page))
    const wants = ([page]: PageRef): boolean => !this.#walked.has(page)
    for await (const summaries of this.#place.index.walk(state, { wants, signal: this.#signal })) {
      for (const summary of summaries) this.#refer(summary)
      yield summaries.map((summary) => this.#snapshot(key, state, summary))
    }
    for (const [page] of state.pages) this.#walked.add(page)
  }

  #snapshot(key: string, state: SessionState, summary: Summary): RootedSnapshot {
    const { index } = this.#place
    return {
      // One that was deleted and came back meanwhile is another one.
      id: `${key}/${summary.id}/${summary.attempt ?? ''}/${summary.hash}`,
      load: async () => {
        const manifest = await index.manifestOf(summary, this.#signal)
        return manifest.format === 1 ? undefined : manifest.root
      },
      isGone: async () => (await index.locateIn(state, summary, this.#signal)) === undefined,
    }
  }

  #refer({ id, attempt, contentId }: Summary): void {
    this.#referred.add(attempt === undefined ? manifestKey(id) : adoptedKey(id, attempt))
    if (contentId !== undefined) this.#referred.add(contentPrefix(contentId))
  }

  #isReferred(key: string): boolean {
    return this.#referred.has(key.startsWith(CONTENTS) ? key.slice(0, -PART_DIGITS) : key)
  }

  #options(): { readonly signal?: AbortSignal } {
    return this.#signal === undefined ? {} : { signal: this.#signal }
  }
}
