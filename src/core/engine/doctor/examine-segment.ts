// Looks at every byte of one segment that holds records, and says which offsets can be read.

import { fromHex } from '../../base/bytes.js'
import type { ByteSource } from '../../ports/file-store.js'
import type { SealedEnd, SegmentEnd, SegmentEntry } from '../log-manifest.js'
import type { FrameFormat } from '../frame-format.js'
import type { SegmentHeader } from '../segment.js'
import { readFooter } from '../segment-index.js'
import type { Anomaly, FrameDamage } from './anomaly.js'
import { walkFrames, type WalkOptions } from './walk-frames.js'

export interface SegmentExamination {
  readonly anomalies: readonly Anomaly[]
  /** How to walk its whole frames; undefined where the file is not one of this log. */
  readonly walk: WalkOptions | undefined
  /** Behind the last whole frame. */
  readonly end: SegmentEnd
  readonly records: number
  /** Greatest durable mark found. */
  readonly durable: number
  readonly bootId: string | null
  readonly epoch: number
  readonly createdAt: number
  /** Damage with nothing whole behind it. */
  readonly tail: FrameDamage | undefined
  /** Bytes of a valid footer; 0 where there is none. */
  readonly footer: number
}

export interface ExpectedSegment {
  readonly format: FrameFormat
  readonly entry: Pick<SegmentEntry, 'name' | 'base' | 'createdAt' | 'closed'>
  readonly path: string
  readonly place: number
  /** What the manifest says is durable. */
  readonly durable: number
  /** Of the running system. */
  readonly bootId: string | null
}

export async function examineSegment(source: ByteSource, expected: ExpectedSegment): Promise<SegmentExamination> {
  const { format, entry, path, place } = expected
  const header = await readHeader(source, format)
  if (header !== undefined && (header.place !== place || header.baseOffset !== entry.base)) return misplaced(expected, header)
  const salt = header?.salt ?? saltOf(entry.name)
  if (salt === undefined) return misplaced(expected, undefined)
  const footer = await readFooter(source, format.decodeFooter).catch(() => undefined)
  const end = entry.closed?.length ?? footer?.length ?? source.size
  const walk = { format, salt, base: entry.base, end: Math.min(end, source.size) }
  const found = await walkAll(source, walk, header?.crc)
  const anomalies: Anomaly[] = []
  if (header === undefined) anomalies.push({ kind: 'damaged_header', path, position: 0, detail: 'the header of the segment is damaged' })
  anomalies.push(...lostIn(found, expected, source.size))
  const shouldHaveFooter = (entry.closed?.footer ?? 0) > 0
  if (shouldHaveFooter && footer === undefined && anomalies.length === 0) {
    anomalies.push({ kind: 'missing_index', path, position: end, detail: 'the index of the segment is gone; reading is slower' })
  }
  return {
    anomalies: format.name === 'ndjson' ? anomalies.map(ofText) : anomalies,
    walk,
    end: found.end,
    records: found.records,
    durable: found.durable,
    bootId: found.bootId,
    epoch: header?.epoch ?? 0,
    createdAt: header?.createdAt ?? entry.createdAt,
    tail: found.tail,
    footer: footer === undefined ? 0 : source.size - footer.length,
  }
}

/** The words for logs of text. */
function ofText(anomaly: Anomaly): Anomaly {
  if (anomaly.kind === 'partial_write') return { ...anomaly, kind: 'truncated_line' }
  return anomaly.kind === 'corrupted_frame' ? { ...anomaly, kind: 'corrupted_line' } : anomaly
}

/** undefined where it is damaged. */
export async function readHeader(source: ByteSource, format: FrameFormat): Promise<SegmentHeader | undefined> {
  return format.decodeSegmentHeader(await source.read({ start: 0, end: Math.min(source.size, format.segmentHeaderBytes) }))
}

/** The name carries it, so that a damaged header takes no record with it. */
export function saltOf(name: string): Uint8Array | undefined {
  const text = name.split('-')[2]
  return text !== undefined && /^[0-9a-f]{16}$/.test(text) ? fromHex(text) : undefined
}

interface Gap extends FrameDamage {
  /** Next offset expected there. */
  readonly from: number
  /** Offset of the first whole frame behind it; undefined where none follows. */
  readonly to: number | undefined
}

interface Walked {
  readonly end: SegmentEnd
  readonly records: number
  readonly durable: number
  readonly bootId: string | null
  readonly gaps: readonly Gap[]
  readonly tail: FrameDamage | undefined
}

async function walkAll(source: ByteSource, walk: WalkOptions, firstChain: number | undefined): Promise<Walked> {
  let end: SegmentEnd = { length: walk.format.segmentHeaderBytes, next: walk.base, chain: 0, timestamp: 0 }
  let chain = firstChain
  let [records, durable, bootId] = [0, 0, null as string | null]
  let open: FrameDamage | undefined
  const gaps: Gap[] = []
  for await (const step of walkFrames(source, walk)) {
    if (step.kind === 'damage') {
      open = step
      continue
    }
    const { header, bytes } = step.frame
    // Whole frames that were not written one behind the other: what lay between them was cut out.
    if (open === undefined && chain !== undefined && header.chain !== chain)
      open = { position: step.position, end: step.position, fault: 'chain' }
    chain = header.headerCrc
    if (open !== undefined) gaps.push({ ...open, from: end.next, to: header.baseOffset })
    open = undefined
    const length = step.position + header.length
    end = { length, next: header.next, chain: header.headerCrc, timestamp: Math.max(end.timestamp, header.timestamp) }
    records += header.count
    durable = Math.max(durable, header.durable)
    if (header.isControl) {
      const state = walk.format.decodeControlState(walk.format.frameBody(bytes, header) as Uint8Array)
      durable = Math.max(durable, state.durable)
      bootId = state.bootId
    }
  }
  if (open !== undefined) gaps.push({ ...open, from: end.next, to: undefined })
  return { end, records, durable, bootId, gaps, tail: open }
}

function lostIn(found: Walked, expected: ExpectedSegment, size: number): Anomaly[] {
  const { entry } = expected
  return entry.closed === undefined ? lostInOpen(found, expected) : lostInClosed(found, expected, entry.closed, size)
}

function lostInClosed(found: Walked, { path }: ExpectedSegment, closed: SealedEnd, size: number): Anomaly[] {
  const anomalies = innerGaps(found).map((gap) => gapAnomaly(gap, path))
  const isCut = size < closed.length
  if (found.tail === undefined && !isCut) return anomalies
  const missing = closed.records === undefined ? closed.next - found.end.next : closed.records - found.records
  const lost = missing > 0 && found.end.next < closed.next ? { firstOffset: found.end.next, lastOffset: closed.next - 1 } : {}
  const detail = isCut ? `the segment has ${size} of its ${closed.length} bytes` : `the last frames cannot be read (${found.tail?.fault})`
  anomalies.push({ kind: isCut ? 'truncated_segment' : 'corrupted_frame', path, position: found.end.length, ...lost, detail })
  return anomalies
}

/** A segment that nobody closed: torn by a crash, or damaged, by what is known to have been durable. */
function lostInOpen(found: Walked, { path, durable: known, bootId }: ExpectedSegment): Anomaly[] {
  const durable = Math.max(found.durable, known)
  const sameBoot = bootId !== null && bootId === found.bootId
  const anomalies = innerGaps(found).map((gap) => (gap.from < durable || sameBoot ? gapAnomaly(gap, path) : tornAnomaly(gap, path)))
  const { next, length } = found.end
  if (durable > next) {
    const kind = found.tail === undefined ? 'truncated_segment' : 'corrupted_frame'
    anomalies.push({
      kind,
      path,
      position: length,
      firstOffset: next,
      lastOffset: durable - 1,
      detail: 'durable records are gone from its end',
    })
  } else if (found.tail !== undefined) {
    anomalies.push(tornAnomaly(found.tail, path))
  }
  return anomalies
}

interface InnerGap extends Gap {
  readonly to: number
}

function innerGaps(found: Walked): InnerGap[] {
  return found.gaps.filter((gap): gap is InnerGap => gap.to !== undefined)
}

function tornAnomaly({ position, end, fault }: FrameDamage, path: string): Anomaly {
  const detail = `a crash left ${end - position} bytes that nobody was told were stored (${fault})`
  return { kind: 'partial_write', path, position, detail }
}

function gapAnomaly(gap: InnerGap, path: string): Anomaly {
  const lost = gap.to > gap.from ? { firstOffset: gap.from, lastOffset: gap.to - 1 } : {}
  return {
    kind: 'corrupted_frame',
    path,
    position: gap.position,
    ...lost,
    detail: `${gap.end - gap.position} bytes cannot be read (${gap.fault})`,
  }
}

function misplaced({ entry, path }: ExpectedSegment, header: SegmentHeader | undefined): SegmentExamination {
  const { base, closed, createdAt } = entry
  const next = closed?.next ?? base
  const lost = next > base ? { firstOffset: base, lastOffset: next - 1 } : {}
  const detail = header === undefined ? 'what lies here is no segment' : 'a segment of another log, or another part of this one, lies here'
  return {
    anomalies: [{ kind: 'misplaced_segment', path, position: 0, ...lost, detail }],
    walk: undefined,
    end: { length: 0, next: base, chain: 0, timestamp: 0 },
    records: 0,
    durable: 0,
    bootId: null,
    epoch: 0,
    createdAt,
    tail: undefined,
    footer: 0,
  }
}
