// Lists over sessions: each gives its summaries newest first, and they are merged, so that a limit reads no more than it needs.

import { checkLimit } from '../../base/check-limit.js'
import { isStorageError, StorageError } from '../../base/errors.js'
import { checkName } from '../../base/key.js'
import type { Json } from '../../codec/codec.js'
import { missing } from './damage.js'
import type { PageRef, SessionState } from './session.js'
import type { Located, SnapshotIndex } from './snapshot-index.js'
import { infoOfSummary, infoWithoutManifest, type Summary } from './summary.js'
import type { SessionRef, SnapshotFilter, SnapshotInfo } from './types.js'

/** Metadata is compared in the info: a summary may be without it. */
export function checkFilter(filter: Omit<SnapshotFilter, 'signal'>, operation: string): void {
  const { limit = 0, before = 0, after = 0, metadata = {}, agent, session } = filter
  checkLimit(limit, { operation })
  if (Number.isNaN(Number(before)) || Number.isNaN(Number(after))) {
    throw new StorageError('invalid', 'before and after are milliseconds since 1970, or a Date', { operation, facts: { before, after } })
  }
  if (typeof metadata !== 'object' || metadata === null) {
    throw new StorageError('invalid', 'metadata to look for is an object', { operation, facts: { type: typeof metadata } })
  }
  if (agent !== undefined) checkName('agent', agent)
  if (session !== undefined) checkName('session', session)
}

const READ_AHEAD = 64

interface Run {
  readonly state: SessionState
  readonly summaries: readonly Summary[]
}

/** Where a session has come to. */
interface Cursor {
  readonly state: SessionState
  readonly batches: AsyncGenerator<readonly Summary[]>
  batch: readonly Summary[]
  at: number
}

/** Newest first: by time, within a session by index. What the filter leaves, but for `metadata` and `limit`. */
export async function* select(index: SnapshotIndex, filter: SnapshotFilter): AsyncGenerator<Located> {
  for await (const { state, summaries } of selectRuns(index, filter)) for (const summary of summaries) yield { state, summary }
}

/** As a list shows them. */
export async function* selectInfos(index: SnapshotIndex, filter: SnapshotFilter): AsyncGenerator<SnapshotInfo> {
  const { limit = Number.POSITIVE_INFINITY, metadata } = filter
  let left = limit
  if (left === 0) return
  for await (const { state, summaries } of selectRuns(index, filter)) {
    let wanted: readonly Summary[] = []
    for (let from = 0; from < summaries.length; from += wanted.length) {
      wanted = summaries.slice(from, from + Math.min(READ_AHEAD, left))
      const infos = wanted.map((summary) => infoOfSummary(state, summary) ?? begun(infoFrom(index, { state, summary }, filter)))
      for (const one of infos) {
        const info = one instanceof Promise ? await one : one
        if (info === undefined || !hasMetadata(info, metadata)) continue
        yield info
        if (--left === 0) return
      }
    }
  }
}

/** Of one whose manifest is damaged what its session knows, unless somebody asks for what stands in the manifest alone. */
async function infoFrom(index: SnapshotIndex, located: Located, { metadata, signal }: SnapshotFilter): Promise<SnapshotInfo | undefined> {
  try {
    return await index.info(located, signal)
  } catch (error) {
    if (!isStorageError(error, 'corrupt') || metadata !== undefined) throw error
    return { ...infoWithoutManifest(located.state, located.summary), damaged: error.message }
  }
}

/** Whoever stops early never awaits what was begun ahead. */
function begun<Result>(promise: Promise<Result>): Promise<Result> {
  promise.catch(() => {})
  return promise
}

/** Runs of one session that no other comes between. */
async function* selectRuns(index: SnapshotIndex, filter: SnapshotFilter): AsyncGenerator<Run> {
  const start = filter.startAfter === undefined ? undefined : await startOf(index, filter.startAfter, filter.signal)
  const cursors: Cursor[] = []
  for await (const { state } of index.sessions(filter)) {
    const batches = index.walk(state, { signal: filter.signal, wants: (page) => mayHold(page, filter, start) })
    const cursor = await advance({ state, batches, batch: [], at: 0 }, filter, start)
    if (cursor !== undefined) cursors.push(cursor)
  }
  cursors.sort(newestFirst)
  while (cursors.length > 0) {
    const cursor = cursors[0] as Cursor
    const from = cursor.at
    do cursor.at++
    while (cursor.at < cursor.batch.length && (cursors.length === 1 || newestFirst(cursor, cursors[1] as Cursor) < 0))
    yield { state: cursor.state, summaries: cursor.batch.slice(from, cursor.at) }
    if (cursor.at === cursor.batch.length && (await advance(cursor, filter, start)) === undefined) cursors.shift()
    else sink(cursors)
  }
}

/** Fills its next batch that is not empty. */
async function advance(cursor: Cursor, filter: SnapshotFilter, start: Located | undefined): Promise<Cursor | undefined> {
  for (;;) {
    const { value, done } = await cursor.batches.next()
    if (done) return undefined
    cursor.batch = value.filter((summary) => matches(summary, filter) && isBehind(cursor.state, summary, start))
    cursor.at = 0
    if (cursor.batch.length > 0) return cursor
  }
}

/** The first of a sorted list to where it belongs. */
function sink(cursors: Cursor[]): void {
  const first = cursors[0] as Cursor
  let [low, high] = [1, cursors.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (newestFirst(cursors[middle] as Cursor, first) < 0) low = middle + 1
    else high = middle
  }
  cursors.copyWithin(0, 1, low)
  cursors[low - 1] = first
}

async function startOf(index: SnapshotIndex, id: string, signal: AbortSignal | undefined): Promise<Located> {
  const located = await index.locate(id, signal)
  if (located === undefined) throw missing({ id })
  return located
}

function mayHold([, , , oldest, newest]: PageRef, { before, after }: SnapshotFilter, start: Located | undefined): boolean {
  if (before !== undefined && oldest >= Number(before)) return false
  if (start !== undefined && oldest > start.summary.timestamp) return false
  return after === undefined || newest > Number(after)
}

function matches(summary: Summary, { branch, tag, before, after }: SnapshotFilter): boolean {
  if (branch !== undefined && summary.branch !== branch) return false
  if (tag !== undefined && !summary.tags.includes(tag)) return false
  if (before !== undefined && summary.timestamp >= Number(before)) return false
  return after === undefined || summary.timestamp > Number(after)
}

function isBehind(state: SessionState, summary: Summary, start: Located | undefined): boolean {
  return start === undefined || compare(state, summary, start.state, start.summary) > 0
}

function newestFirst(a: Cursor, b: Cursor): number {
  return compare(a.state, a.batch[a.at] as Summary, b.state, b.batch[b.at] as Summary)
}

function compare(aOf: SessionRef, a: Summary, bOf: SessionRef, b: Summary): number {
  if (a.timestamp !== b.timestamp) return b.timestamp - a.timestamp
  if (aOf.agent !== bOf.agent) return aOf.agent < bOf.agent ? -1 : 1
  if (aOf.session !== bOf.session) return aOf.session < bOf.session ? -1 : 1
  return b.index - a.index
}

/** Names and values, each equal in every part. */
export function hasMetadata({ metadata }: SnapshotInfo, wanted: SnapshotFilter['metadata']): boolean {
  if (wanted === undefined) return true
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) return false
  const entries = metadata as { readonly [name: string]: Json }
  return Object.entries(wanted).every(([name, value]) => Object.hasOwn(entries, name) && isEqual(entries[name] as Json, value))
}

function isEqual(a: Json, b: Json): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false
  const [left, right] = [Object.entries(a), b as { readonly [name: string]: Json }]
  if (left.length !== Object.keys(b).length) return false
  return left.every(([name, value]) => Object.hasOwn(right, name) && isEqual(value, right[name] as Json))
}
