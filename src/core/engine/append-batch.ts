// One caller's append while it waits in the group commit, and the frames that a group of them becomes.

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
  resolve(result: AppendResult): void
  reject(error: unknown): void
}

/** Where an append's records went in the last encoding. */
export interface PlacedAppend {
  readonly append: PendingAppend
  readonly first: number
}

export function guessBatchBytes(records: readonly RawRecord[]): number {
  let bytes = 0
  for (const record of records) bytes += guessRecordBytes(record)
  return bytes
}

/**
 * All appends as frames that continue `at`, with one timestamp for all of them. The frames lie in borrowed memory: whoever
 * stored them gives it back.
 */
export function encodeAppends(appends: readonly PendingAppend[], at: LogEnd, timestamp: number): EncodedFrames {
  const groups = groupBySize(appends)
  const guess = groups.reduce((sum, group) => sum + frameLength(group.bytes), 0)
  const writer = new RecordWriter(borrowMemory(guess + SPARE_BYTES))
  let { next, chain } = at
  for (const group of groups) {
    const start = writer.at
    writer.skip(FRAME_HEADER_BYTES)
    const { count, hasTombstones } = writeGroup(writer, group)
    const bodyLength = writer.at - start - FRAME_HEADER_BYTES
    writer.padTo(start + frameLength(bodyLength))
    const fields = { baseOffset: next, timestamp, durable: at.durable, epoch: at.epoch, chain, count, hasTombstones }
    chain = writeFrameHeader(writer.bytes, start, bodyLength, at.salt, fields)
    next += count
  }
  return { bytes: writer.bytes.subarray(0, writer.at), next, chain, timestamp }
}

function writeGroup(writer: RecordWriter, group: FrameGroup): { readonly count: number; readonly hasTombstones: boolean } {
  let count = 0
  let hasTombstones = false
  for (const { records } of group.appends) {
    for (const record of records) {
      writer.record(record)
      hasTombstones ||= record.value === undefined
    }
    count += records.length
  }
  return { count, hasTombstones }
}

export interface FrameGroup {
  readonly appends: PendingAppend[]
  bytes: number
}

/** As they will share frames. */
export function groupBySize(appends: readonly PendingAppend[]): FrameGroup[] {
  const groups: FrameGroup[] = []
  let last: FrameGroup | undefined
  for (const append of appends) {
    if (last === undefined || last.bytes + append.bytes > SHARED_FRAME_BYTES) {
      last = { appends: [], bytes: 0 }
      groups.push(last)
    }
    last.appends.push(append)
    last.bytes += append.bytes
  }
  return groups
}
