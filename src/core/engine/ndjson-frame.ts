// A batch as lines of JSON, one a record. A line says how many follow it in its batch (`batch`) and how many the batch has
// (`of`): without all of them it is no batch. The checksum of the last one is the chain value of the next batch.

import type { FrameFault, FrameHeader } from '../codec/frame.js'
import { checkLine, hex, latin, lineEnd, type LineWriter, rechainLine } from '../codec/line.js'
import { readRecordLine, recordFields } from '../codec/record-line.js'
import type { StreamRecord } from '../ports/stream-broker.js'
import { type FrameGroup, timestampIn } from './append-batch.js'
import type { FrameRecords } from './frame-format.js'
import type { WholeFrame } from './frames.js'

/** What every line begins and ends with, so that a value need not be parsed to check the line around it. */
const BEGINNING = /^\{"offset":(\d+),"timestamp":(\d+),"/
const CONTROL_BEGINNING = /^\{"next":(\d+),"timestamp":(\d+),"control":/
const ENDING = /(?:,"batch":(\d+),"of":(\d+))?,"durable":(\d+),"prev":"([0-9a-f]{8})","crc":"[0-9a-f]{8}"\}\n$/
/** They fit in there. */
const BEGINNING_BYTES = 80
const ENDING_BYTES = 140
const OPENING = 0x7b

interface Line {
  /** Behind its newline. */
  readonly end: number
  readonly isControl: boolean
  /** Of a control line: of the next record. */
  readonly offset: number
  readonly timestamp: number
  readonly batch: number
  readonly of: number
  readonly durable: number
  readonly prev: number
  readonly crc: number
}

/** The lines of a batch that continues `chain`; returns the chain value behind it. */
export function writeBatch(writer: LineWriter, group: FrameGroup, at: { readonly durable: number; readonly chain: number }): number {
  const of = group.next - group.base
  let offset = group.base
  let { chain } = at
  for (const { records } of group.appends) {
    for (const record of records) {
      const fields = recordFields(record, offset, timestampIn(group, record))
      offset++
      chain = writer.line(`${fields},"batch":${group.next - offset},"of":${of},"durable":${at.durable},"prev":"${hex(chain)}"`)
    }
  }
  return chain
}

/** Reads and checks all lines of the batch, or the control line, at `at`. */
export function readBatch(bytes: Uint8Array, at: number, salt: Uint8Array): FrameHeader | FrameFault {
  const first = readLine(bytes, at, salt)
  if (typeof first === 'string') return first
  if (!first.isControl && first.batch !== first.of - 1) return 'length' // in the middle of a batch
  let last = first
  let { timestamp } = first
  while (last.batch > 0) {
    const line = readLine(bytes, last.end, salt)
    if (typeof line === 'string') return line
    if (line.isControl || line.batch !== last.batch - 1 || line.prev !== last.crc || line.offset <= last.offset) return 'length'
    timestamp = Math.max(timestamp, line.timestamp)
    last = line
  }
  return headerOf(at, first, last, timestamp)
}

function headerOf(at: number, first: Line, last: Line, timestamp: number): FrameHeader {
  const { isControl, offset: baseOffset, durable, prev: chain } = first
  const length = last.end - at
  const count = isControl ? 0 : first.of
  const next = isControl ? baseOffset : last.offset + 1
  return {
    ...{ at, length, bodyLength: length, compression: 0, plainLength: length, headerCrc: last.crc, bodyCrc: last.crc },
    ...{ baseOffset, timestamp, durable, epoch: 0, chain, count, hasTombstones: false },
    ...{ isControl, isCompacted: next - baseOffset !== count, next },
  }
}

function readLine(bytes: Uint8Array, at: number, salt: Uint8Array): Line | FrameFault {
  if (at >= bytes.length) return 'incomplete'
  if (bytes[at] !== OPENING) return 'magic'
  const end = lineEnd(bytes, at)
  if (end === undefined) return 'incomplete'
  const beginning = latin(bytes, at, Math.min(end, at + BEGINNING_BYTES))
  const control = CONTROL_BEGINNING.exec(beginning)
  const start = control ?? BEGINNING.exec(beginning)
  const ending = ENDING.exec(latin(bytes, Math.max(at, end - ENDING_BYTES), end))
  if (start === null || ending === null) return 'magic'
  const crc = checkLine(bytes, at, end, salt)
  if (crc === undefined) return 'header'
  const [, batch, of, durable, prev] = ending
  const isControl = control !== null
  if (isControl !== (batch === undefined) || of === '0') return 'length'
  return {
    ...{ end, isControl, offset: Number(start[1]), timestamp: Number(start[2]), crc },
    ...{ batch: Number(batch ?? 0), of: Number(of ?? 0), durable: Number(durable), prev: Number.parseInt(prev as string, 16) },
  }
}

/** Where a line may begin behind `at`: also inside what looks like one, because the newline between two may be what is damaged. */
export function nextBrace(bytes: Uint8Array, at: number): number | undefined {
  const brace = bytes.indexOf(OPENING, at + 1)
  return brace === -1 ? undefined : brace
}

/** Makes the batch the one that follows `chain` in a log with this salt; returns its new chain value. */
export function moveBatch(bytes: Uint8Array, salt: Uint8Array, chain: number): number {
  let last = chain
  for (const [start, end] of linesOf(bytes)) last = rechainLine(bytes, start, end, salt, last)
  return last
}

/** The records of a batch; who reads on where the last read ended does not look at what lies before again. */
export class LineReader implements FrameRecords {
  readonly #body: Uint8Array
  /** Where a line begins; all before are below offset `next`. */
  #place = { at: 0, next: 0 }

  constructor(body: Uint8Array) {
    this.#body = body
  }

  read(from: number, limit: number): StreamRecord[] {
    const body = this.#body
    let { at, next } = from < this.#place.next ? { at: 0, next: 0 } : this.#place
    const records: StreamRecord[] = []
    while (at < body.length && records.length < limit) {
      const end = lineEnd(body, at) ?? body.length
      const offset = offsetOf(body, at)
      if (offset >= from) records.push(readRecordLine(body.subarray(at, end)))
      at = end
      next = offset + 1
    }
    this.#place = { at, next }
    return records
  }
}

/** The lines of a batch that hold these offsets, as a batch that still has to be moved to its place. */
export function keepLines({ bytes, header }: WholeFrame, stays: ReadonlySet<number>): WholeFrame {
  const body = bytes.subarray(header.at, header.at + header.length)
  const kept = [...linesOf(body)].filter(([start]) => stays.has(offsetOf(body, start)))
  const parts = kept.map(([start, end], index) => withCount(body.subarray(start, end), kept.length - 1 - index, kept.length))
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  moveBatch(whole, NO_SALT, 0)
  return { bytes: whole, header: readBatch(whole, 0, NO_SALT) as FrameHeader }
}

const NO_SALT = new Uint8Array(0)

/** The line with another place in another batch; its checksum is of no use until it is moved. */
function withCount(line: Uint8Array, batch: number, of: number): Uint8Array {
  const ending = latin(line, line.length - ENDING_BYTES, line.length)
  const found = ENDING.exec(ending) as RegExpExecArray
  const changed = ending.slice(found.index).replace(/^,"batch":\d+,"of":\d+/, `,"batch":${batch},"of":${of}`)
  const stays = line.length - (ending.length - found.index)
  const bytes = new Uint8Array(stays + changed.length)
  bytes.set(line.subarray(0, stays))
  for (let at = 0; at < changed.length; at++) bytes[stays + at] = changed.charCodeAt(at)
  return bytes
}

function offsetOf(body: Uint8Array, at: number): number {
  return Number(BEGINNING.exec(latin(body, at, Math.min(body.length, at + BEGINNING_BYTES)))?.[1])
}

function* linesOf(bytes: Uint8Array): Generator<readonly [number, number]> {
  for (let at = 0; at < bytes.length; ) {
    const end = lineEnd(bytes, at) ?? bytes.length
    yield [at, end]
    at = end
  }
}
