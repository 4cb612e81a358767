import type { Command } from 'commander'
import { contextOf, type Store } from '../core/derived/resolve.js'
import { findQueue } from '../core/engine/catalogue.js'
import {
  describeFileLog,
  describeFrames,
  type FrameDescription,
  type LogDescription,
  type SegmentDescription,
} from '../core/engine/doctor/describe-file-log.js'
import type { FileLogPlace } from '../core/engine/doctor/file-log-place.js'
import { loadFormat } from '../core/engine/load-format.js'
import type { FileStore } from '../core/ports/file-store.js'
import { queues } from '../index.js'
import { wholeNumber } from './arguments.js'
import { PICTURE_LEGEND, segmentPicture } from './segment-picture.js'
import { formatCount, formatDuration, formatJson, formatTable, formatTime, nameText, outputWidth } from './output.js'
import { unknownName } from './unknown-name.js'
import { directoryOf } from './place.js'
import { withStore } from './with-store.js'

interface InspectFlags {
  readonly bucket?: number
  readonly frames?: true
  readonly json?: true
}

interface InspectedSegment extends SegmentDescription {
  /** With --frames. */
  readonly frames?: readonly FrameDescription[]
}

interface InspectedBucket extends Omit<LogDescription, 'segments'> {
  readonly bucket: number
  readonly segments: readonly InspectedSegment[]
}

export function addInspect(program: Command): void {
  program
    .command('inspect')
    .description('what a queue is made of: segments with their offsets, times and indexes; with --frames each frame')
    .argument('<directory>', 'where the store lies', directoryOf)
    .argument('<queue>', 'its name')
    .option('--bucket <number>', 'only this one', wholeNumber(0))
    .option('--frames', 'each frame of each segment')
    .option('--json', 'one JSON text')
    .action((directory: string, queue: string, flags: InspectFlags) =>
      withStore(directory, 'read', async (store) => {
        const buckets = await inspect(store, queue, flags)
        console.log(flags.json ? formatJson({ queue, buckets }) : inspectText(queue, buckets))
      }),
    )
}

async function inspect(store: Store, queue: string, { bucket, frames }: InspectFlags): Promise<InspectedBucket[]> {
  const { backend, clock } = contextOf(store)
  const files = backend.files as FileStore // a store in a directory has them
  const found = await findQueue(backend.blobs, queue)
  if (found === undefined) throw unknownName('queue', queue, await queues(store))
  const numbers = Array.from({ length: found.entry.buckets }, (_, number) => number)
  if (bucket !== undefined && !numbers.includes(bucket)) throw unknownName('bucket', String(bucket), numbers.map(String))
  const format = await loadFormat(found.entry.frames)
  const inspected: InspectedBucket[] = []
  for (const number of bucket === undefined ? numbers : [bucket]) {
    const place = { files, format, blobs: backend.blobs, clock, path: `${found.entry.incarnation}/${number}`, isLive: true }
    const { segments, ...log } = await describeFileLog(place)
    inspected.push({ bucket: number, ...log, segments: frames ? await withFrames(place, segments) : segments })
  }
  return inspected
}

async function withFrames(place: FileLogPlace, segments: readonly SegmentDescription[]): Promise<InspectedSegment[]> {
  const described: InspectedSegment[] = []
  for (const segment of segments) described.push({ ...segment, frames: await describeFrames(place, segment.name) })
  return described
}

function inspectText(queue: string, buckets: readonly InspectedBucket[]): string {
  const all = buckets.flatMap(({ segments }) => segments)
  const records = all.reduce((sum, segment) => sum + segment.records, 0)
  const bytes = all.reduce((sum, segment) => sum + segment.bytes, 0)
  const counts = [formatCount(all.length, 'segment'), formatCount(records, 'record'), formatCount(bytes, 'byte')]
  const most = Math.max(1, ...buckets.map(({ segments }) => sumBytes(segments)))
  return [`queue ${nameText(queue)}: ${counts.join(', ')}\n${PICTURE_LEGEND}`, ...buckets.map((bucket) => bucketText(bucket, most))].join(
    '\n\n',
  )
}

function bucketText({ bucket, first, next, durable, epoch, isSealed, segments }: InspectedBucket, most: number): string {
  const head = `bucket ${bucket}: first ${first}, next ${next}, durable ${durable}, epoch ${epoch}${isSealed ? ', sealed: no append follows' : ''}`
  if (segments.length === 0) return `${head}\n(empty)`
  const width = Math.round((sumBytes(segments) / most) * (outputWidth() - 2))
  return [head, segmentPicture(segments, width), segmentTable(segments), ...segments.flatMap(framesText)].join('\n')
}

function sumBytes(segments: readonly SegmentDescription[]): number {
  return segments.reduce((sum, { bytes }) => sum + bytes, 0)
}

function segmentTable(segments: readonly InspectedSegment[]): string {
  return formatTable<InspectedSegment>(
    [
      { title: 'segment', cell: ({ sequence }) => sequence },
      { title: 'base', cell: ({ base }) => base },
      { title: 'next', cell: ({ next }) => next },
      { title: 'records', cell: ({ records }) => records },
      { title: 'bytes', cell: ({ bytes }) => bytes },
      { title: 'state', cell: stateText },
      { title: 'index', cell: ({ indexEntries }) => indexEntries ?? '-' },
    ],
    segments,
    (segment) => [`${segment.name}${timesText(segment)}`],
  )
}

function stateText({ isClosed, isMissing }: SegmentDescription): string {
  if (isMissing) return 'missing'
  return isClosed ? 'closed' : 'open'
}

function timesText({ firstTimestamp, lastTimestamp }: SegmentDescription): string {
  if (firstTimestamp === undefined || lastTimestamp === undefined) return ''
  return `  ${formatTime(firstTimestamp)} +${formatDuration(lastTimestamp - firstTimestamp)}`
}

function framesText({ sequence, frames }: InspectedSegment): string[] {
  if (frames === undefined) return []
  const table = formatTable<FrameDescription>(
    [
      { title: 'at', cell: ({ position }) => position },
      { title: 'offsets', cell: offsetsText },
      { title: 'records', cell: (frame) => (frame.kind === 'frame' ? frame.records : '-') },
      { title: 'time', cell: (frame) => (frame.kind === 'frame' && frame.records > 0 ? formatTime(frame.timestamp) : '-') },
      { title: 'bytes', cell: ({ bytes }) => bytes },
      { title: 'packed', cell: (frame) => (frame.kind === 'frame' && frame.compression !== 'none' ? frame.compression : '-') },
      { title: 'flags', cell: (frame) => (frame.kind === 'frame' ? frame.flags.join(' ') : `DAMAGED (${frame.fault})`) },
    ],
    frames,
  )
  return ['', `frames of segment ${sequence}`, table]
}

function offsetsText(frame: FrameDescription): string {
  if (frame.kind === 'damage' || frame.records === 0) return '-'
  return frame.next === frame.firstOffset + 1 ? String(frame.firstOffset) : `${frame.firstOffset}-${frame.next - 1}`
}
