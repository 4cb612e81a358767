// The cell of a session: the newest snapshots, where the summaries of the others lie, and the head of each branch. Writing it
// is what makes a snapshot exist, or cease to; everything else is found through it.

import type { Clock } from '../../base/clock.js'
import { StorageError } from '../../base/errors.js'
import { wrongPart } from '../../base/shape.js'
import { Cell } from '../../engine/cell.js'
import type { BlobStore } from '../../ports/blob-store.js'
import { sessionKey } from './layout.js'
import { OLD_SESSION, SESSION, SESSION_FORMAT } from './shapes.js'
import { isNewer, packSummary, type Summary, type SummaryRow, unpackSummary } from './summary.js'
import type { SessionRef } from './types.js'

/** A page of summaries, ascending by index. */
export type PageRef = readonly [id: string, firstIndex: number, lastIndex: number, oldest: number, newest: number, count: number]

/** The newest snapshot of a branch. */
export type Head = readonly [branch: string, id: string, index: number]

/** Tags and pin of a snapshot whose page says otherwise. */
export type Label = readonly [id: string, index: number, tags: readonly string[], isPinned: boolean]

/** The last snapshot saved, also when it is deleted. */
export interface LastSaved {
  readonly index: number
  /** Empty for one of format 1. */
  readonly hash: string
  readonly timestamp: number
}

interface SessionBase extends SessionRef {
  readonly nextIndex: number
  /** The collection that stamped it last: who commits must know that one, or a later one. */
  readonly swept: number
  readonly last?: LastSaved
  readonly heads: readonly Head[]
  /** Ascending by index, all before `recent`. */
  readonly pages: readonly PageRef[]
  readonly labels: readonly Label[]
}

export interface SessionState extends SessionBase {
  /** Ascending by index. */
  readonly recent: readonly Summary[]
}

interface RowsOfSession extends SessionBase {
  readonly format: number
  readonly recent: readonly SummaryRow[]
}

/** Format 1. */
interface OldSession extends SessionRef {
  readonly format: 1
  readonly nextIndex: number
  readonly heads: readonly (readonly [branch: string, id: string])[]
  readonly entries: readonly OldEntry[]
}

interface OldEntry {
  readonly id: string
  readonly index: number
  readonly branch: string
  readonly timestamp: number
  readonly tags: readonly string[]
  readonly contentId: string
}

export type StoredSession = RowsOfSession | OldSession

export function sessionCell(blobs: BlobStore, clock: Clock, ref: SessionRef): Cell<StoredSession> {
  return new Cell<StoredSession>({ blobs, clock, key: sessionKey(ref, blobs.traits) })
}

export function emptySession({ agent, session }: SessionRef, swept: number): SessionState {
  return { agent, session, nextIndex: 0, swept, heads: [], pages: [], labels: [], recent: [] }
}

/** `unsupported` for one of a newer format, `corrupt` for what is no session. */
export function openSession(stored: StoredSession): SessionState {
  const { agent, session, format } = Object(stored) as Partial<StoredSession>
  const facts = { agent, session }
  if (typeof format === 'number' && format > SESSION_FORMAT) {
    throw new StorageError('unsupported', 'a session stored by a newer version of Varve', {
      facts: { ...facts, format, newestKnown: SESSION_FORMAT },
    })
  }
  const part = wrongPart(stored, format === 1 ? OLD_SESSION : SESSION)
  if (part !== undefined) throw new StorageError('corrupt', 'the cell of a session holds none', { facts: { ...facts, part } })
  if (stored.format === 1) return upgrade(stored as OldSession)
  const { format: _format, recent, ...base } = stored as RowsOfSession
  return { ...base, recent: recent.map(unpackSummary) }
}

/** `corrupt` for the state of another session: its cell lies in the wrong place. */
export function ownedBy(ref: SessionRef, state: SessionState): SessionState {
  if (state.agent === ref.agent && state.session === ref.session) return state
  throw misplaced(state, { expected: `${ref.agent}/${ref.session}` })
}

export function misplaced({ agent, session }: SessionRef, facts: Readonly<Record<string, unknown>>): StorageError {
  return new StorageError('corrupt', 'a session lies in the place of another', { facts: { ...facts, actual: `${agent}/${session}` } })
}

export function closeSession({ recent, ...base }: SessionState): StoredSession {
  return { format: SESSION_FORMAT, ...base, recent: recent.map(packSummary) }
}

function upgrade({ agent, session, nextIndex, heads, entries }: OldSession): SessionState {
  const recent = entries.map(bareSummary)
  const newest = entries.at(-1)
  const last = newest === undefined ? undefined : { index: nextIndex - 1, hash: '', timestamp: newest.timestamp }
  const indexOf = (id: string): number => entries.find((entry) => entry.id === id)?.index ?? 0
  return {
    ...emptySession({ agent, session }, 0),
    nextIndex,
    ...(last === undefined ? {} : { last }),
    heads: heads.map(([branch, id]) => [branch, id, indexOf(id)] as const),
    recent,
  }
}

function bareSummary({ id, index, branch, timestamp, tags, contentId }: OldEntry): Summary {
  const unknown = { parents: [], contentHash: '', hash: '', bytes: 0, storedBytes: 0, compression: 'none' } as const
  return { ...unknown, id, index, branch, timestamp, tags, contentId, isBare: true }
}

export function headOf(state: SessionState, branch: string): Head | undefined {
  return state.heads.find(([name]) => name === branch)
}

/** Never lower than the last one's, so that the order of time is the order of indexes. */
export function nextTimestamp(state: SessionState, now: number): number {
  return Math.max(now, state.last?.timestamp ?? 0)
}

/** One snapshot further, which is the head of its branch; where its summary lies is another matter. */
export function advanced(state: SessionState, summary: Summary): SessionState {
  const heads = [...state.heads.filter(([name]) => name !== summary.branch), headFrom(summary)]
  return { ...passed(state, summary), heads }
}

/** One snapshot further; heads stay. */
export function passed(state: SessionState, { index, hash, timestamp }: Summary): SessionState {
  return { ...state, nextIndex: index + 1, last: { index, hash, timestamp } }
}

/** The newest of each branch, as they were saved first. */
export function headsOf(summaries: Iterable<Summary>): Head[] {
  const newest = new Map<string, Summary>()
  for (const summary of summaries) {
    const head = newest.get(summary.branch)
    if (head === undefined || isNewer(summary, head)) newest.set(summary.branch, summary)
  }
  return [...newest.values()].map(headFrom)
}

function headFrom({ branch, id, index }: Summary): Head {
  return [branch, id, index]
}
