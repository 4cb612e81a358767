// What the sections of queues say, as JSON, and how it is taken from a file that anybody may have written.

import { utf8 } from '../../base/bytes.js'
import { isStorageError, StorageError } from '../../base/errors.js'
import { checkName } from '../../base/key.js'
import type { QueueEntry } from '../../engine/catalogue.js'
import { parseObject } from '../../codec/archive/read.js'
import type { GroupOrdering, PendingEntry } from '../../ports/stream-broker.js'
import type { ArchiveGap } from './types.js'

/** A queue as its entry in the catalogue says. */
export interface ArchivedQueue extends Pick<QueueEntry, 'incarnation' | 'origin' | 'buckets' | 'createdAt' | 'frames'> {
  readonly name: string
}

export interface ArchiveContents {
  /** Name of the backend that it comes from. */
  readonly backend: string
  readonly queues: readonly ArchivedQueue[]
  readonly namespaces: readonly string[]
}

/** Behind the last record of a bucket. */
export interface BucketEnd {
  readonly bucket: number
  readonly records: number
  /** Oldest offset held, and the one behind the last. */
  readonly first: number
  readonly next: number
  readonly gaps: readonly ArchiveGap[]
  readonly sealed?: true
}

/** `offset, attempt, consumer, deadline`, and the last reason. */
export type ArchivedEntry = readonly [offset: number, attempt: number, consumer: string, deadline: number, reason?: string]

/** A group of one bucket; one with much that is pending takes several sections, all but the last with `more`. */
export interface ArchivedGroup {
  readonly bucket: number
  readonly name: string
  readonly ordering: GroupOrdering
  readonly committed: number
  readonly cursor: number
  readonly pending: readonly ArchivedEntry[]
  readonly more?: true
}

export interface ArchivedMarks {
  readonly task: string
  readonly state: unknown
}

export function toJson(value: object): Uint8Array {
  return utf8(JSON.stringify(value))
}

export function readContents(body: Uint8Array): ArchiveContents {
  const { backend, queues, namespaces } = parseObject(body)
  check(typeof backend === 'string' && Array.isArray(queues) && Array.isArray(namespaces), 'contents')
  for (const name of namespaces as unknown[]) checkNamed(name)
  return { backend: backend as string, queues: (queues as unknown[]).map(queueOf), namespaces: namespaces as string[] }
}

export function readQueue(body: Uint8Array): ArchivedQueue {
  return queueOf(parseObject(body))
}

function queueOf(value: unknown): ArchivedQueue {
  const { name, incarnation, origin, buckets, createdAt, frames } = Object(value) as Record<string, unknown>
  checkNamed(name)
  check(isIncarnation(incarnation) && (origin === undefined || isIncarnation(origin)), 'queue')
  check(isCount(buckets) && (buckets as number) > 0 && (buckets as number) <= 1024 && isCount(createdAt), 'queue')
  check(frames === undefined || frames === 'ndjson', 'queue')
  return value as ArchivedQueue
}

export function readBucketEnd(body: Uint8Array): BucketEnd {
  const end = parseObject(body)
  const { bucket, records, first, next, gaps, sealed } = end
  check([bucket, records, first, next].every(isCount) && (first as number) <= (next as number), 'bucket')
  check(Array.isArray(gaps) && gaps.every((gap) => isCount(gap?.from) && isCount(gap?.to)), 'bucket')
  check(sealed === undefined || sealed === true, 'bucket')
  return end as unknown as BucketEnd
}

export function readGroup(body: Uint8Array): ArchivedGroup {
  const group = parseObject(body)
  const { bucket, name, ordering, committed, cursor, pending, more } = group
  checkNamed(name)
  check([bucket, committed, cursor].every(isCount) && (ordering === 'none' || ordering === 'key'), 'group')
  check(Array.isArray(pending) && (pending as unknown[]).every(isEntry) && (more === undefined || more === true), 'group')
  return group as unknown as ArchivedGroup
}

export function readMarks(body: Uint8Array): ArchivedMarks {
  const marks = parseObject(body)
  checkNamed(marks.task)
  check(typeof marks.state === 'object' && marks.state !== null, 'marks')
  return marks as unknown as ArchivedMarks
}

export function entryOf({ offset, attempt, consumer, deadline, reason }: PendingEntry): ArchivedEntry {
  const entry = [offset, attempt, consumer, deadline] as const
  return reason === undefined ? entry : [...entry, reason]
}

function isEntry(value: unknown): boolean {
  if (!Array.isArray(value) || value.length < 4 || value.length > 5) return false
  const [offset, attempt, consumer, deadline, reason] = value as unknown[]
  const isText = typeof consumer === 'string' && (reason === undefined || typeof reason === 'string')
  return isText && [offset, attempt, deadline].every(isCount)
}

function isIncarnation(value: unknown): boolean {
  return typeof value === 'string' && /^log\/i[0-9a-f]{16}$/.test(value)
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function checkNamed(name: unknown): void {
  try {
    checkName('name', name)
  } catch (cause) {
    if (!isStorageError(cause, 'invalid')) throw cause
    throw new StorageError('corrupt', 'the archive holds a name that cannot be', { cause })
  }
}

function check(isTrue: boolean, what: string): void {
  if (!isTrue) throw new StorageError('corrupt', 'a section of the archive does not hold what it says', { facts: { what } })
}
