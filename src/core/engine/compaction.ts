// Rewrites closed segments without the records that nobody needs: those below the floor, and by key all but the last of
// each key, tombstones only for a while. Offsets stay as they are; a segment is replaced at once or not at all.

import { isStorageError } from '../base/errors.js'
import { plainBody } from '../codec/frame-compression.js'
import type { CompactionResult, StreamRecord } from '../ports/stream-broker.js'
import type { Log, LogSegment, WholeFrame } from './log.js'

export interface CompactionOptions {
  /** Nothing below is kept. */
  readonly floor: number
  /** Everything from here on is kept. */
  readonly ceiling: number
  /** Keeps the last record of each key only. Takes memory for every key. */
  readonly byKey: boolean
  /** A tombstone with an earlier timestamp, ms, is not kept. */
  readonly tombstonesBefore: number
}

const MAX_RUNS = 20

interface KeyEntry {
  readonly offset: number
  readonly isTombstone: boolean
  readonly timestamp: number
}

/**
 * Oldest segment first: an older value is gone before the tombstone that hides it. A crash in between leaves a log that
 * is compacted in part, and the next run does the rest.
 */
export async function compactLog(log: Log, options: CompactionOptions): Promise<CompactionResult> {
  const before = await log.segments()
  await log.trim(options.floor)
  for (let run = 1; !(await compactOnce(log, options, run === MAX_RUNS)); run++) {}
  const after = await log.segments()
  return {
    beforeRecords: sum(before, 'records'),
    afterRecords: sum(after, 'records'),
    beforeBytes: sum(before, 'bytes'),
    afterBytes: sum(after, 'bytes'),
  }
}

/** False when another replaced or dropped a segment meanwhile: what is the last of a key has to be found again. */
async function compactOnce(log: Log, options: CompactionOptions, isLast: boolean): Promise<boolean> {
  try {
    await compactSegments(log, options)
    return true
  } catch (error) {
    if (isLast || !isStorageError(error, 'missing')) throw error
    return false
  }
}

async function compactSegments(log: Log, options: CompactionOptions): Promise<void> {
  const kept = await log.segments()
  const latest = options.byKey ? await latestByKey(log, kept) : undefined
  const keeps = (offset: number, key: string | undefined): boolean => {
    if (offset < options.floor) return false
    if (offset >= options.ceiling) return true
    const newest = key === undefined ? undefined : latest?.get(key)
    return newest === undefined || (newest.offset === offset && !(newest.isTombstone && newest.timestamp < options.tombstonesBefore))
  }
  for (const segment of kept) {
    const needsWork = latest !== undefined || segment.base < options.floor
    if (needsWork && (await removes(log, segment, keeps))) await log.replace(segment.name, keptFrames(log, segment, keeps))
  }
}

type Keeps = (offset: number, key: string | undefined) => boolean

async function latestByKey(log: Log, segments: readonly LogSegment[]): Promise<Map<string, KeyEntry>> {
  const latest = new Map<string, KeyEntry>()
  for (const { name } of segments) {
    for await (const frame of log.frames(name)) {
      for (const { key, value, offset, timestamp } of await recordsOf(log, frame)) {
        if (key !== undefined) latest.set(keyText(key), { offset, timestamp, isTombstone: value === undefined })
      }
    }
  }
  return latest
}

async function removes(log: Log, { name }: LogSegment, keeps: Keeps): Promise<boolean> {
  for await (const frame of log.frames(name)) {
    if ((await recordsOf(log, frame)).some(({ offset, key }) => !keeps(offset, textOf(key)))) return true
  }
  return false
}

async function* keptFrames(log: Log, { name }: LogSegment, keeps: Keeps): AsyncGenerator<WholeFrame> {
  for await (const frame of log.frames(name)) {
    const kept = await keptFrame(log, frame, keeps)
    if (kept !== undefined) yield kept
  }
}

/** The same frame where nothing goes, undefined where nothing stays. */
async function keptFrame(log: Log, frame: WholeFrame, keeps: Keeps): Promise<WholeFrame | undefined> {
  const stays = new Set<number>()
  for (const { offset, key } of await recordsOf(log, frame)) if (keeps(offset, textOf(key))) stays.add(offset)
  if (stays.size === frame.header.count) return frame
  return stays.size === 0 ? undefined : log.format.keepRecords(frame, stays)
}

async function recordsOf({ format }: Log, { bytes, header }: WholeFrame): Promise<StreamRecord[]> {
  const body = header.compression === 0 ? format.frameBody(bytes, header) : await plainBody(bytes, header)
  return format.recordReader(body as Uint8Array, header).read(0, Number.POSITIVE_INFINITY) // checked when the segment was read
}

function textOf(key: Uint8Array | undefined): string | undefined {
  return key === undefined ? undefined : keyText(key)
}

/** One character a byte: any bytes can be a key. */
function keyText(key: Uint8Array): string {
  let text = ''
  for (const byte of key) text += String.fromCharCode(byte)
  return text
}

function sum(segments: readonly LogSegment[], field: 'records' | 'bytes'): number {
  return segments.reduce((total, segment) => total + segment[field], 0)
}
