// Records that lie whole in a torn tail: behind the place where a crash cut a write, in a file that a later session went on
// without. Nobody was told that they are durable, but they may be the only copy.

import { plainBody } from '../../codec/frame-compression.js'
import type { ByteSource } from '../../ports/file-store.js'
import type { StreamRecord } from '../../ports/stream-broker.js'
import type { FrameFormat } from '../frame-format.js'
import type { LogManifest, SealedSegment } from '../log-manifest.js'
import type { Notice } from './anomaly.js'
import { readHeader, saltOf } from './examine-segment.js'
import { wholeFrames } from './walk-frames.js'

/** What a scan says of a segment that is closed, but goes on with whole frames; undefined where it does not. */
export async function noticeTornTail(
  source: ByteSource,
  format: FrameFormat,
  entry: SealedSegment,
  path: string,
): Promise<Notice | undefined> {
  let [records, firstOffset, lastOffset] = [0, 0, 0]
  for await (const { header } of tornFrames(source, format, entry)) {
    if (records === 0) firstOffset = header.baseOffset
    lastOffset = header.next - 1
    records += header.count
  }
  if (records === 0) return undefined
  const detail = 'whole records behind a torn write, never acknowledged as durable, lie behind the end of the segment'
  return { kind: 'torn_tail', path, position: entry.closed.length, records, firstOffset, lastOffset, detail }
}

/** Frame by frame, as they were written. */
export async function tornRecords(source: ByteSource, format: FrameFormat, entry: SealedSegment): Promise<StreamRecord[][]> {
  const frames: StreamRecord[][] = []
  for await (const { bytes, header } of tornFrames(source, format, entry)) {
    const body = header.compression === 0 ? format.frameBody(bytes, header) : await plainBody(bytes, header)
    if (body !== undefined) frames.push(format.recordReader(body.slice(), header).read(0, Number.POSITIVE_INFINITY))
  }
  return frames
}

/** A session whose sync failed writes what it had acknowledged again, into its next segment: nothing is missing. */
export function isWrittenAgain({ segments }: LogManifest, index: number): boolean {
  const [own, next] = [segments[index], segments[index + 1]].map((entry) => entry?.name.split('-')[1])
  return own === next
}

async function* tornFrames(source: ByteSource, format: FrameFormat, { name, closed }: SealedSegment): ReturnType<typeof wholeFrames> {
  const end = source.size - closed.footer
  if (end <= closed.length) return
  const salt = (await readHeader(source, format))?.salt ?? saltOf(name)
  if (salt === undefined) return
  yield* wholeFrames(source, { format, salt, base: closed.next, start: Math.max(closed.length, format.segmentHeaderBytes), end })
}
