// The cell of a session: which snapshots there are, and the head of each branch. Writing it is what makes a snapshot exist,
// or cease to; everything else is found through it.

import type { Clock } from '../../base/clock.js'
import { StorageError } from '../../base/errors.js'
import { Cell } from '../../engine/cell.js'
import type { BlobStore } from '../../ports/blob-store.js'
import { sessionKey } from './layout.js'
import type { SessionRef } from './types.js'

const SESSION_FORMAT = 1

export interface SessionEntry {
  readonly id: string
  readonly index: number
  readonly branch: string
  readonly timestamp: number
  readonly tags: readonly string[]
  /** Where the content lies; known also when the manifest is damaged. */
  readonly contentId: string
}

export interface SessionState extends SessionRef {
  readonly format: number
  readonly nextIndex: number
  /** Pairs, because a branch may have any name. */
  readonly heads: readonly (readonly [branch: string, id: string])[]
  /** Ascending by index. */
  readonly entries: readonly SessionEntry[]
}

export function sessionCell(blobs: BlobStore, clock: Clock, ref: SessionRef): Cell<SessionState> {
  return new Cell<SessionState>({ blobs, clock, key: sessionKey(ref, blobs.traits) })
}

/** The state to begin with; `unsupported` for one of a newer format. */
export function openSession(stored: SessionState | undefined, ref: SessionRef): SessionState {
  if (stored === undefined) return { format: SESSION_FORMAT, agent: ref.agent, session: ref.session, nextIndex: 0, heads: [], entries: [] }
  if (stored.format > SESSION_FORMAT) {
    const facts = { ...ref, format: stored.format, newestKnown: SESSION_FORMAT }
    throw new StorageError('unsupported', 'a session stored by a newer version of Varve', { facts })
  }
  return stored
}

export function headOf(state: SessionState, branch: string): string | undefined {
  return state.heads.find(([name]) => name === branch)?.[1]
}

/** Never lower than the last one's, so that the order of time is the order of indexes. */
export function nextTimestamp(state: SessionState, now: number): number {
  return Math.max(now, state.entries.at(-1)?.timestamp ?? 0)
}

export function withEntry(state: SessionState, entry: SessionEntry): SessionState {
  const heads = [...state.heads.filter(([name]) => name !== entry.branch), [entry.branch, entry.id] as const]
  return { ...state, nextIndex: entry.index + 1, heads, entries: [...state.entries, entry] }
}

/** Heads that went go back to the newest snapshot left on their branch. The next index stays. */
export function withoutEntries(state: SessionState, isGone: (entry: SessionEntry) => boolean): SessionState {
  const entries = state.entries.filter((entry) => !isGone(entry))
  const heads = state.heads.flatMap(([branch, id]) => {
    const head = entries.find((entry) => entry.id === id) ?? entries.filter((entry) => entry.branch === branch).at(-1)
    return head === undefined ? [] : [[branch, head.id] as const]
  })
  return { ...state, heads, entries }
}
