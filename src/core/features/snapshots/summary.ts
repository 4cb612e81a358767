// What a session remembers of a snapshot: all that a list shows. Stored as a row without names, because a cell is written at
// every save. A long description or metadata stays in the manifest alone.

import { StorageError } from '../../base/errors.js'
import { wrongItem } from '../../base/shape.js'
import type { CompressionName } from '../../codec/compression.js'
import type { Json } from '../../codec/codec.js'
import type { Manifest, Origin } from './manifest.js'
import { ROW } from './shapes.js'
import type { SessionRef, SnapshotInfo } from './types.js'

/** Of description and metadata as JSON. */
const MAX_DETAILS = 256

export interface Summary extends Omit<SnapshotInfo, 'agent' | 'session' | 'damaged'> {
  /** Of its manifest; empty for one of format 1. */
  readonly hash: string
  /** All of it but id, index, branch, timestamp, tags and pin stands in the manifest alone: an entry of a session of format 1. */
  readonly isBare?: true
  /** Description and metadata stand in the manifest alone. */
  readonly isBrief?: true
  /** Where the content of a snapshot of format 1 lies; known also when the manifest is damaged. */
  readonly contentId?: string
  /** Where the manifest of one from another store lies, behind its id. */
  readonly attempt?: string
  /** Which of two is newer is decided by these, where they differ from the index and the time that it has here. */
  readonly origin?: Origin
  /** What the clock said, where that was before the time of the last snapshot. */
  readonly clock?: number
}

/** With the index and the time of its first saving. */
export interface ComingSnapshot extends SnapshotInfo {
  readonly clock?: number
}

interface More {
  readonly pinned?: 1
  readonly bare?: 1
  readonly brief?: 1
  readonly content?: string
  readonly attempt?: string
  readonly origin?: Origin
  readonly clock?: number
  readonly description?: string
  readonly metadata?: Json
}

export type SummaryRow = readonly [
  id: string,
  index: number,
  branch: string,
  timestamp: number,
  parents: readonly string[],
  contentHash: string,
  hash: string,
  tags: readonly string[],
  bytes: number,
  storedBytes: number,
  compression: CompressionName,
  more?: More,
]

export function packSummary(summary: Summary): SummaryRow {
  const { id, index, branch, timestamp, parents, contentHash, hash, tags, bytes, storedBytes, compression } = summary
  const more = moreOf(summary)
  const row = [id, index, branch, timestamp, parents, contentHash, hash, tags, bytes, storedBytes, compression] as const
  return Object.keys(more).length === 0 ? row : [...row, more]
}

function moreOf({ pinned, isBare, isBrief, contentId, attempt, origin, clock, description, metadata }: Summary): More {
  return {
    ...(pinned === undefined ? {} : { pinned: 1 }),
    ...(isBare === undefined ? {} : { bare: 1 }),
    ...(isBrief === undefined ? {} : { brief: 1 }),
    ...(contentId === undefined ? {} : { content: contentId }),
    ...(attempt === undefined ? {} : { attempt }),
    ...(origin === undefined ? {} : { origin }),
    ...(clock === undefined ? {} : { clock }),
    ...(description === undefined ? {} : { description }),
    ...(metadata === undefined ? {} : { metadata }),
  }
}

/** `corrupt` for what is no row. */
export function unpackSummary(row: SummaryRow): Summary {
  const part = wrongItem(row, ROW)
  if (part !== undefined) throw new StorageError('corrupt', 'a summary of a snapshot is none', { facts: { part } })
  const [id, index, branch, timestamp, parents, contentHash, hash, tags, bytes, storedBytes, compression, more] = row
  const summary = { id, index, branch, timestamp, parents, contentHash, hash, tags, bytes, storedBytes, compression }
  return more === undefined ? summary : Object.assign(summary, unpackMore(more))
}

function unpackMore({ pinned, bare, brief, content, attempt, origin, clock, description, metadata }: More): Partial<Summary> {
  return {
    ...(pinned === undefined ? {} : { pinned: true }),
    ...(bare === undefined ? {} : { isBare: true }),
    ...(brief === undefined ? {} : { isBrief: true }),
    ...(content === undefined ? {} : { contentId: content }),
    ...(attempt === undefined ? {} : { attempt }),
    ...(origin === undefined ? {} : { origin }),
    ...(clock === undefined ? {} : { clock }),
    ...(description === undefined ? {} : { description }),
    ...(metadata === undefined ? {} : { metadata }),
  }
}

export function summaryOf(manifest: Manifest, attempt?: string): Summary {
  const { id, index, branch, timestamp, parents, contentHash, tags, bytes, storedBytes, compression } = manifest
  const { description, metadata, origin, clock } = manifest
  const summary = { id, index, branch, timestamp, parents, contentHash, tags, bytes, storedBytes, compression, hash: manifest.hash ?? '' }
  const details = { ...(description === undefined ? {} : { description }), ...(metadata === undefined ? {} : { metadata }) }
  const isBrief = JSON.stringify(details).length > MAX_DETAILS
  const came = { ...(attempt === undefined ? {} : { attempt }), ...(origin === undefined ? {} : { origin }) }
  return { ...summary, ...(isBrief ? { isBrief } : details), ...came, ...(clock === undefined ? {} : { clock }) }
}

/** The time and the index of its first saving: one from another store may come behind newer ones. */
export function originOf({ origin, index, timestamp }: Summary): Origin {
  return origin ?? { index, timestamp }
}

/** As it goes to another store. */
export function asFirstSaved(info: SnapshotInfo, summary: Summary): ComingSnapshot {
  const { clock } = summary
  return { ...info, ...originOf(summary), ...(clock === undefined ? {} : { clock }) }
}

export function isNewer(a: Summary, b: Summary): boolean {
  const [one, other] = [originOf(a), originOf(b)]
  return one.timestamp === other.timestamp ? one.index > other.index : one.timestamp > other.timestamp
}

/** What a list shows; undefined where the manifest has to be read for it. */
export function infoOfSummary({ agent, session }: SessionRef, summary: Summary): SnapshotInfo | undefined {
  if (summary.isBare !== undefined || summary.isBrief !== undefined) return undefined
  const { id, index, branch, timestamp, parents, contentHash, tags, pinned, description, metadata, bytes, storedBytes, compression } =
    summary
  // Plain literals for what is common: spreads are twenty times slower, and lists are long.
  if (pinned === undefined && description === undefined) {
    return metadata === undefined
      ? { id, agent, session, branch, index, timestamp, parents, contentHash, tags, bytes, storedBytes, compression }
      : { id, agent, session, branch, index, timestamp, parents, contentHash, tags, metadata, bytes, storedBytes, compression }
  }
  const labels = pinned === undefined ? undefined : { pinned }
  const said = description === undefined ? undefined : { description }
  const data = metadata === undefined ? undefined : { metadata }
  const info = { id, agent, session, branch, index, timestamp, parents, contentHash, tags }
  return { ...info, ...labels, ...said, ...data, bytes, storedBytes, compression }
}

/** What is known of it where its manifest cannot be read. */
export function infoWithoutManifest(ref: SessionRef, { isBare: _bare, isBrief: _brief, ...summary }: Summary): SnapshotInfo {
  return infoOfSummary(ref, summary) as SnapshotInfo
}
