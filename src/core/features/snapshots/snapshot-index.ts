// Finding snapshots: from an id, a branch or a filter to session entries, and from those to manifests.

import type { Clock } from '../../base/clock.js'
import { isStorageError, StorageError } from '../../base/errors.js'
import type { Cell } from '../../engine/cell.js'
import type { Backend } from '../../ports/backend.js'
import type { BlobInfo } from '../../ports/blob-store.js'
import { unescapeName } from '../../base/key.js'
import { agentPrefix, isId, manifestKey, SESSIONS, sessionKey } from './layout.js'
import { type Manifest, openManifest } from './manifest.js'
import { openSession, sessionCell, type SessionEntry, type SessionState } from './session.js'
import type { SessionRef, SnapshotFilter } from './types.js'

/** An entry and the session that holds it. */
export interface Located {
  readonly ref: SessionRef
  readonly entry: SessionEntry
}

export class SnapshotIndex {
  readonly #backend: Backend
  readonly #clock: Clock

  constructor(backend: Backend, clock: Clock) {
    this.#backend = backend
    this.#clock = clock
  }

  cell(ref: SessionRef): Cell<SessionState> {
    return sessionCell(this.#backend.blobs, this.#clock, ref)
  }

  async session(ref: SessionRef, signal?: AbortSignal): Promise<SessionState> {
    return openSession((await this.cell(ref).read(signal)).value, ref)
  }

  /** The sessions that a filter leaves, by the keys of their cells. */
  async *sessions(filter: SnapshotFilter = {}): AsyncGenerator<{ readonly ref: SessionRef; readonly info: BlobInfo }> {
    const { agent, session, signal } = filter
    const prefix =
      agent === undefined
        ? SESSIONS
        : session === undefined
          ? agentPrefix(agent)
          : sessionKey({ agent, session }, this.#backend.blobs.traits)
    for await (const info of this.#backend.blobs.list(signal === undefined ? { prefix } : { prefix, signal })) {
      const ref = refOf(info.key)
      const isWanted = (agent === undefined || ref.agent === agent) && (session === undefined || ref.session === session)
      if (isWanted) yield { ref, info }
    }
  }

  /** Newest first: by time, within a session by index. */
  async select(filter: SnapshotFilter): Promise<Located[]> {
    const found: Located[] = []
    for await (const { ref } of this.sessions(filter)) {
      const { entries } = await this.session(ref, filter.signal)
      for (const entry of entries) if (matches(entry, filter)) found.push({ ref, entry })
    }
    return found.sort(newestFirst)
  }

  /** undefined when no session holds the id. Goes through all sessions where the manifest cannot say which. */
  async locate(id: string, signal?: AbortSignal): Promise<Located | undefined> {
    if (!isId(id)) return undefined
    const manifest = await this.#readableManifest(id, signal)
    if (manifest !== undefined) return await this.locateIn(manifest, id, signal)
    for await (const { ref } of this.sessions(signal === undefined ? {} : { signal })) {
      const located = await this.locateIn(ref, id, signal)
      if (located !== undefined) return located
    }
    return undefined
  }

  async locateIn({ agent, session }: SessionRef, id: string, signal?: AbortSignal): Promise<Located | undefined> {
    const ref = { agent, session }
    const entry = (await this.session(ref, signal)).entries.find((one) => one.id === id)
    return entry === undefined ? undefined : { ref, entry }
  }

  /** The manifest of a snapshot that its session holds; `missing` otherwise. */
  async published(id: string, signal?: AbortSignal): Promise<Manifest> {
    const manifest = isId(id) ? await this.manifest(id, signal) : undefined
    if (manifest === undefined || (await this.locateIn(manifest, id, signal)) === undefined) throw missing({ id })
    return manifest
  }

  /** `missing` when it is not there. */
  async manifest(id: string, signal?: AbortSignal): Promise<Manifest> {
    const blob = await this.#backend.blobs.get(manifestKey(id), signal === undefined ? {} : { signal })
    if (blob === undefined) throw missing({ id })
    return openManifest(blob.data, id)
  }

  async #readableManifest(id: string, signal: AbortSignal | undefined): Promise<Manifest | undefined> {
    try {
      return await this.manifest(id, signal)
    } catch (error) {
      if (isDamage(error)) return undefined
      throw error
    }
  }
}

/** What is wrong with stored bytes, as opposed to a store that cannot be reached now. */
export function isDamage(error: unknown): error is StorageError {
  return isStorageError(error, 'corrupt') || isStorageError(error, 'unsupported') || isStorageError(error, 'missing')
}

export function missing(facts: Readonly<Record<string, unknown>>): StorageError {
  return new StorageError('missing', 'there is no such snapshot', { facts })
}

function refOf(key: string): SessionRef {
  const [agent = '', session = ''] = key.slice(SESSIONS.length).split('/')
  return { agent: unescapeName(agent.slice(1)), session: unescapeName(session.slice(1)) }
}

function matches(entry: SessionEntry, { branch, tag, before, after }: SnapshotFilter): boolean {
  if (branch !== undefined && entry.branch !== branch) return false
  if (tag !== undefined && !entry.tags.includes(tag)) return false
  if (before !== undefined && entry.timestamp >= Number(before)) return false
  return after === undefined || entry.timestamp > Number(after)
}

function newestFirst(a: Located, b: Located): number {
  if (a.entry.timestamp !== b.entry.timestamp) return b.entry.timestamp - a.entry.timestamp
  if (a.ref.agent !== b.ref.agent) return a.ref.agent < b.ref.agent ? -1 : 1
  if (a.ref.session !== b.ref.session) return a.ref.session < b.ref.session ? -1 : 1
  return b.entry.index - a.entry.index
}
