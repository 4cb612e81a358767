// One caller's append while it waits in the group commit, and the frames that a group of them becomes.

import { FRAME_HEADER_BYTES, frameLength, writeFrameHeader } from '../codec/frame.js'
import { type SizedRecord, sizeRecord, storedRecordBytes, writeRecord } from '../codec/records.js'
import type { AppendOptions, AppendResult, RecordBatch } from '../ports/stream-broker.js'
import type { EncodedFrames, LogEnd } from './log.js'

/** Small appends share a frame up to this size; a single batch is never split. */
const SHARED_FRAME_BYTES = 1024 * 1024

export interface PendingAppend {
  readonly records: readonly SizedRecord[]
  readonly bodyBytes: number
  readonly options: AppendOptions
  resolve(result: AppendResult): void
  reject(error: unknown): void
}

/** Where an append's records went in the last encoding. */
export interface PlacedAppend {
  readonly append: PendingAppend
  readonly first: number
}

export function sizeBatch(batch: RecordBatch): { records: SizedRecord[]; bodyBytes: number } {
  let bodyBytes = 0
  const records = batch.records.map((record) => {
    const sized = sizeRecord(record)
    bodyBytes += storedRecordBytes(sized)
    return sized
  })
  return { records, bodyBytes }
}

/** All appends as frames that continue `at`; one timestamp for all of them. */
export function encodeAppends(appends: readonly PendingAppend[], at: LogEnd, timestamp: number): EncodedFrames {
  const groups = groupBySize(appends)
  const bytes = new Uint8Array(groups.reduce((sum, group) => sum + frameLength(group.bodyBytes), 0))
  let position = 0
  let { next, chain } = at
  for (const group of groups) {
    let bodyEnd = position + FRAME_HEADER_BYTES
    let count = 0
    let hasTombstones = false
    for (const append of group.appends) {
      for (const sized of append.records) {
        bodyEnd = writeRecord(bytes, bodyEnd, sized)
        hasTombstones ||= sized.record.value === undefined
      }
      count += append.records.length
    }
    const fields = { baseOffset: next, timestamp, durable: at.durable, epoch: at.epoch, chain, count, hasTombstones }
    chain = writeFrameHeader(bytes, position, group.bodyBytes, at.salt, fields)
    next += count
    position += frameLength(group.bodyBytes)
  }
  return { bytes, next, chain, timestamp }
}

interface FrameGroup {
  readonly appends: PendingAppend[]
  bodyBytes: number
}

function groupBySize(appends: readonly PendingAppend[]): FrameGroup[] {
  const groups: FrameGroup[] = []
  let last: FrameGroup | undefined
  for (const append of appends) {
    if (last === undefined || last.bodyBytes + append.bodyBytes > SHARED_FRAME_BYTES) {
      last = { appends: [], bodyBytes: 0 }
      groups.push(last)
    }
    last.appends.push(append)
    last.bodyBytes += append.bodyBytes
  }
  return groups
}
