// One caller's append while it waits in the group commit, and the frames that a group of them becomes.

import { OWN_HEADER } from '../base/own-headers.js'
import { FRAME_HEADER_BYTES, frameLength, writeFrameHeader } from '../codec/frame.js'
import { guessRecordBytes, RecordWriter } from '../codec/record-writer.js'
import type { AppendOptions, AppendResult, RawRecord } from '../ports/stream-broker.js'
import { borrowMemory } from './frame-memory.js'
import type { EncodedFrames, LogEnd } from './frames.js'

/** Small appends share a frame up to this size; a single batch is never split. */
const SHARED_FRAME_BYTES = 1024 * 1024
/** So that the room set aside for a text does not make the memory grow just before the end. */
const SPARE_BYTES = 64 * 1024

export interface PendingAppend {
  readonly records: readonly RawRecord[]
  /** Their size in a frame, guessed. */
  readonly bytes: number
  readonly options: AppendOptions
  /** By an id or as a producer, here or in headers that were copied: what was said before has to be asked. */
  readonly speaks: boolean
  resolve(result: AppendResult): void
  reject(error: unknown): void
}

/** Where an append's records went in the last encoding. */
export interface PlacedAppend {
  readonly append: PendingAppend
  readonly first: number
  /** As they are stored; without those that had been stored before. */
  readonly records: readonly RawRecord[]
  /** Of each of the append's own records, where it had been stored before; absent where none had. */
  readonly known?: readonly (StoredPlace | undefined)[]
}

export interface StoredPlace {
  readonly offset: number
  readonly timestamp: number
}

/** Whether these records or their headers speak of ids or producers. */
export function speaksOf(records: readonly RawRecord[], { producer }: AppendOptions): boolean {
  return producer !== undefined || records.some(({ id, headers }) => id !== undefined || headers?.some(([name]) => isSpoken(name)))
}

function isSpoken(name: string): boolean {
  return name === OWN_HEADER.id || name === OWN_HEADER.producer
}

/** Of one of its records, in a commit at `now`, ms. */
export function timestampOf({ records, options }: PendingAppend, record: RawRecord, now: number): number {
  return options.timestamps === 'keep' ? (record.timestamp ?? newest(records, now)) : now
}

export function guessBatchBytes(records: readonly RawRecord[]): number {
  let bytes = 0
  for (const record of records) bytes += guessRecordBytes(record)
  return bytes
}

/**
 * All appends as frames that continue `at`; those that keep no timestamps get this one. The frames lie in borrowed memory:
 * whoever stored them gives it back.
 */
export function encodeAppends(appends: readonly PlacedAppend[], at: LogEnd, timestamp: number): EncodedFrames {
  const groups = groupAppends(appends, timestamp)
  const guess = groups.reduce((sum, group) => sum + frameLength(group.bytes), 0)
  const writer = new RecordWriter(borrowMemory(guess + SPARE_BYTES))
  let { chain } = at
  for (const group of groups) {
    const start = writer.at
    writer.skip(FRAME_HEADER_BYTES)
    const hasTombstones = writeGroup(writer, group)
    const bodyLength = writer.at - start - FRAME_HEADER_BYTES
    writer.padTo(start + frameLength(bodyLength))
    const fields = { ...fieldsOf(group), durable: at.durable, epoch: at.epoch, chain, hasTombstones }
    chain = writeFrameHeader(writer.bytes, start, bodyLength, at.salt, fields)
  }
  return { bytes: writer.bytes.subarray(0, writer.at), chain, ...endOf(groups, at) }
}

function fieldsOf({ base, next, timestamp }: FrameGroup): { baseOffset: number; timestamp: number; count: number } {
  return { baseOffset: base, timestamp, count: next - base }
}

/** Where the log ends behind the groups. */
export function endOf(groups: readonly FrameGroup[], at: LogEnd): Pick<EncodedFrames, 'next' | 'timestamp' | 'skipped'> {
  let { next, timestamp } = at
  let skipped = 0
  for (const group of groups) {
    skipped += group.base - next
    next = group.next
    timestamp = Math.max(timestamp, group.timestamp)
  }
  return { next, timestamp, ...(skipped === 0 ? {} : { skipped }) }
}

function writeGroup(writer: RecordWriter, group: FrameGroup): boolean {
  let hasTombstones = false
  for (const { records } of group.appends) {
    for (const record of records) {
      writer.record(record, timestampIn(group, record) - group.timestamp)
      hasTombstones ||= record.value === undefined
    }
  }
  return hasTombstones
}

/** Appends that share a frame: their records follow one another. */
export interface FrameGroup {
  readonly appends: PlacedAppend[]
  readonly base: number
  /** Greatest of its records, ms. */
  readonly timestamp: number
  /** The records have timestamps of their own. */
  readonly keeps: boolean
  next: number
  bytes: number
}

/** Of a record in its group, ms. */
export function timestampIn({ keeps, timestamp }: FrameGroup, record: RawRecord): number {
  return keeps ? (record.timestamp ?? timestamp) : timestamp
}

export function groupAppends(appends: readonly PlacedAppend[], now: number): FrameGroup[] {
  const groups: FrameGroup[] = []
  for (const placed of appends) {
    const { append, first, records } = placed
    const keeps = append.options.timestamps === 'keep'
    const timestamp = keeps ? newest(append.records, now) : now
    let last = groups[groups.length - 1]
    const shares = last !== undefined && last.next === first && last.keeps === keeps && last.timestamp === timestamp
    if (last === undefined || !shares || last.bytes + append.bytes > SHARED_FRAME_BYTES) {
      last = { appends: [], base: first, timestamp, keeps, next: first, bytes: 0 }
      groups.push(last)
    }
    last.appends.push(placed)
    last.next += records.length
    last.bytes += append.bytes
  }
  return groups
}

function newest(records: readonly RawRecord[], now: number): number {
  return records.reduce((latest, { timestamp }) => Math.max(latest, timestamp ?? now), 0)
}
