// Finding snapshots: from an id, a branch or a filter to the summaries in session cells, and from those to manifests.

import type { Clock } from '../../base/clock.js'
import { isStorageError, StorageError } from '../../base/errors.js'
import { unescapeName } from '../../base/key.js'
import { mapOrdered } from '../../base/map-ordered.js'
import type { CachedReads } from '../../engine/cached-reads.js'
import { Cell } from '../../engine/cell.js'
import type { Backend } from '../../ports/backend.js'
import type { BlobInfo } from '../../ports/blob-store.js'
import { isDamage, missing } from './damage.js'
import { agentPrefix, isId, pageKey, SESSIONS, sessionKey } from './layout.js'
import { infoOf, type Manifest } from './manifest.js'
import { manifestGone, Manifests } from './manifests.js'
import {
  closeSession,
  emptySession,
  headOf,
  misplaced,
  openSession,
  ownedBy,
  type SessionState,
  sessionCell,
  type StoredSession,
} from './session.js'
import { findSummary } from './session-changes.js'
import { SessionPages } from './session-pages.js'
import { walkSession, type WalkOptions } from './session-walk.js'
import { infoOfSummary, type Summary } from './summary.js'
import type { SessionRef, SnapshotInfo } from './types.js'

const READ_AHEAD = 16
const PLAIN_NAMES = `${SESSIONS}a`

/** A summary and the session that holds it. */
export interface Located {
  readonly state: SessionState
  readonly summary: Summary
}

export interface SessionFilter {
  readonly agent?: string
  readonly session?: string
  readonly signal?: AbortSignal
}

/** A session as one reading of its cell shows it. */
export interface OpenedSession {
  readonly key: string
  readonly version: string
  readonly state: SessionState
}

/** Makes another state of one; `undefined` leaves it. May run several times. */
export type SessionChange = (state: SessionState) => SessionState | undefined | Promise<SessionState | undefined>

export class SnapshotIndex {
  readonly manifests: Manifests
  readonly pages: SessionPages
  readonly #backend: Backend
  readonly #clock: Clock

  /** `cache` where the backend's blobs are read through one. */
  constructor(backend: Backend, clock: Clock, cache?: CachedReads) {
    this.#backend = backend
    this.#clock = clock
    this.manifests = new Manifests(backend.blobs, cache)
    this.pages = new SessionPages(backend.blobs, cache)
  }

  cell(ref: SessionRef): Cell<StoredSession> {
    return sessionCell(this.#backend.blobs, this.#clock, ref)
  }

  /** An empty one where there is none. */
  async session(ref: SessionRef, signal?: AbortSignal): Promise<SessionState> {
    const { value } = await this.cell(ref).read(signal)
    return value === undefined ? emptySession(ref, 0) : ownedBy(ref, openSession(value))
  }

  /** By the key of its cell; undefined when there is none. Its names are those in the cell. */
  async open(key: string, signal?: AbortSignal): Promise<OpenedSession | undefined> {
    const cell = new Cell<StoredSession>({ blobs: this.#backend.blobs, clock: this.#clock, key })
    const { value, version } = await cell.read(signal)
    if (value === undefined || version === undefined) return undefined
    const state = openSession(value)
    // Hidden names are sealed with their place instead.
    if (key.startsWith(PLAIN_NAMES) && sessionKey(state, this.#backend.blobs.traits) !== key) throw misplaced(state, { key })
    return { key, version, state }
  }

  /** Where the cells of these sessions lie; of others too, where only a session is named. */
  cells({ agent, session, signal }: SessionFilter = {}): AsyncIterable<BlobInfo> {
    const { blobs } = this.#backend
    const prefix =
      agent === undefined ? SESSIONS : session === undefined ? agentPrefix(agent) : sessionKey({ agent, session }, blobs.traits)
    return blobs.list(signal === undefined ? { prefix } : { prefix, signal })
  }

  /** By the keys of their cells. */
  async *sessions(filter: SessionFilter = {}): AsyncGenerator<OpenedSession> {
    const { agent, session, signal } = filter
    if (agent !== undefined && session !== undefined) {
      const opened = await this.open(sessionKey({ agent, session }, this.#backend.blobs.traits), signal)
      if (opened !== undefined) yield opened
      return
    }
    for await (const opened of mapOrdered(this.cells(filter), READ_AHEAD, ({ key }) => this.open(key, signal))) {
      if (opened === undefined || (agent !== undefined && opened.state.agent !== agent)) continue
      if (session === undefined || opened.state.session === session) yield opened
    }
  }

  /** In batches, newest first. */
  walk(state: SessionState, options: Omit<WalkOptions, 'reopen'> = {}): AsyncGenerator<readonly Summary[]> {
    return walkSession(state, this.pages, { ...options, reopen: () => this.session(state, options.signal) })
  }

  /** Newest first. */
  async *summaries(state: SessionState, signal?: AbortSignal): AsyncGenerator<Summary> {
    for await (const summaries of this.walk(state, { signal })) yield* summaries
  }

  /**
   * Changes a session that is there; pages that it needs no more are deleted. Resolves to what it is then, undefined where
   * nothing was changed.
   */
  async change(cell: Cell<StoredSession>, change: SessionChange, signal?: AbortSignal): Promise<SessionState | undefined> {
    let dropped: readonly string[] = []
    let changed: SessionState | undefined
    await withFreshPages(cell, () =>
      cell.update(async (stored) => {
        const before = stored === undefined ? undefined : openSession(stored)
        const after = before === undefined ? undefined : await change(before)
        changed = after === undefined ? undefined : await this.pages.settle(after)
        if (before === undefined || changed === undefined) return undefined
        dropped = droppedPages(before, changed)
        return closeSession(changed)
      }, signal),
    )
    if (changed !== undefined) await this.#removePages(dropped)
    return changed
  }

  async #removePages(pages: readonly string[]): Promise<void> {
    if (pages.length === 0) return
    try {
      await this.#backend.blobs.delete(pages.map(pageKey))
    } catch (error) {
      // Nothing refers to them: they cost room until the next collection.
      if (!isStorageError(error)) throw error
    }
  }

  /** undefined when no session holds the id. Goes through all sessions where the manifest cannot say which. */
  async locate(id: string, signal?: AbortSignal): Promise<Located | undefined> {
    if (!isId(id)) return undefined
    const manifest = await this.#readableManifest(id, signal)
    if (manifest !== undefined) return await this.#locateBy(manifest, signal)
    for await (const { state } of this.sessions(signal === undefined ? {} : { signal })) {
      const located = await this.#find(state, { id, index: undefined }, signal)
      if (located !== undefined) return located
    }
    return undefined
  }

  /** A snapshot that was deleted and came back may have another index than the first of its manifests says. */
  async #locateBy(manifest: Manifest, signal: AbortSignal | undefined): Promise<Located | undefined> {
    const { id, index } = manifest
    return (await this.locateIn(manifest, { id, index }, signal)) ?? (await this.locateIn(manifest, { id, index: undefined }, signal))
  }

  async locateIn(
    { agent, session }: SessionRef,
    wanted: { readonly id: string; readonly index: number | undefined },
    signal?: AbortSignal,
    cell = this.cell({ agent, session }),
  ): Promise<Located | undefined> {
    const { value } = await cell.read(signal)
    return value === undefined ? undefined : await this.#find(openSession(value), wanted, signal)
  }

  async #find(
    state: SessionState,
    wanted: { readonly id: string; readonly index: number | undefined },
    signal: AbortSignal | undefined,
  ): Promise<Located | undefined> {
    let seen = state
    for (;;) {
      try {
        const summary = await findSummary(seen, this.pages, wanted, signal)
        return summary === undefined ? undefined : { state: seen, summary }
      } catch (error) {
        if (!isStorageError(error, 'missing')) throw error
        const now = await this.session(seen, signal)
        if (samePages(now, seen)) throw new StorageError('corrupt', 'a page of summaries is gone', { cause: error })
        seen = now
      }
    }
  }

  /** The manifest of a snapshot that its session holds, and how it is labelled; `missing` otherwise. */
  async published(id: string, signal?: AbortSignal): Promise<Located & { readonly manifest: Manifest }> {
    const manifest = await this.manifests.get(id, signal)
    const located = await this.#locateBy(manifest, signal)
    if (located === undefined) throw missing({ id })
    const { hash } = located.summary
    const isThat = hash === '' || manifest.hash === undefined || hash === manifest.hash
    return { ...located, manifest: isThat ? manifest : await this.manifestOf(located.summary, signal) }
  }

  /** The newest of a branch. */
  async head(ref: SessionRef, branch: string, signal?: AbortSignal): Promise<Located | undefined> {
    const state = await this.session(ref, signal)
    const head = headOf(state, branch)
    return head === undefined ? undefined : await this.#find(state, { id: head[1], index: head[2] }, signal)
  }

  async manifestOf({ id, attempt }: Summary, signal?: AbortSignal): Promise<Manifest> {
    return await this.manifests.get(id, signal, attempt)
  }

  /** What a list shows of it; undefined where it was deleted since. */
  async info({ state, summary }: Located, signal?: AbortSignal): Promise<SnapshotInfo | undefined> {
    const info = infoOfSummary(state, summary)
    if (info !== undefined) return info
    try {
      return labelledInfo(await this.manifestOf(summary, signal), summary)
    } catch (error) {
      if (!isStorageError(error, 'missing')) throw error
      if ((await this.locateIn(state, summary, signal)) === undefined) return undefined
      throw manifestGone(summary.id, error)
    }
  }

  async #readableManifest(id: string, signal: AbortSignal | undefined): Promise<Manifest | undefined> {
    try {
      return await this.manifests.get(id, signal)
    } catch (error) {
      if (isDamage(error)) return undefined
      throw error
    }
  }
}

/** A page that is not there was replaced, where the cell has changed. */
async function withFreshPages(cell: Cell<StoredSession>, run: () => Promise<unknown>): Promise<void> {
  for (;;) {
    const version = cell.version ?? (await cell.read()).version
    try {
      await run()
      return
    } catch (error) {
      if (!isStorageError(error, 'missing') || (await cell.read()).version === version) throw error
    }
  }
}

/** What the manifest says, with the tags and the pin of today. */
export function labelledInfo(manifest: Manifest, { tags, pinned }: Summary): SnapshotInfo {
  const { id, agent, session, branch, index, timestamp, parents, contentHash, tags: _tags, ...rest } = infoOf(manifest)
  const info = { id, agent, session, branch, index, timestamp, parents, contentHash, tags }
  return { ...info, ...(pinned === undefined ? {} : { pinned }), ...rest }
}

/** How people may call a session whose cell cannot be read. */
export function nameOfCell(key: string): string {
  try {
    const [agent = '', session = ''] = key.slice(SESSIONS.length).split('/')
    return `${unescapeName(agent.slice(1))}/${unescapeName(session.slice(1))}`
  } catch {
    return key
  }
}

function droppedPages(before: SessionState, after: SessionState): readonly string[] {
  const kept = new Set(after.pages.map(([id]) => id))
  return before.pages.map(([id]) => id).filter((id) => !kept.has(id))
}

function samePages(a: SessionState, b: SessionState): boolean {
  return a.pages.length === b.pages.length && a.pages.every(([id], at) => id === b.pages[at]?.[0])
}
