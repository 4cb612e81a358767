// Where a segment file ends that no session closed: scanned from its beginning, or from where the last look stopped, and
// judged: an end that a crash does not explain is corruption.

import type { FrameFormat } from './frame-format.js'
import type { FileSegments } from './file-segments.js'
import type { SegmentEnd, SegmentEntry } from './log-manifest.js'
import { lostSegment } from './segment-frames.js'
import type { SegmentReader } from './segment-reader.js'
import { beginScan, inspectRest, judgeEnd, type ScannedSegment, scanSegment } from './segment-scan.js'

export interface FileRecoveryOptions {
  readonly segments: FileSegments
  readonly format: FrameFormat
  /** Hash of queue and bucket, as the header must have it. */
  readonly place: number
  readonly bootId: () => Promise<string | undefined>
  /** false: looks beside a running writer and takes the last valid frame for the end, whatever follows. */
  readonly writable: boolean
}

export class FileRecovery {
  readonly #options: FileRecoveryOptions
  /** Where the next look goes on. */
  #scanned: { readonly name: string; readonly end: ScannedSegment } | undefined

  constructor(options: FileRecoveryOptions) {
    this.#options = options
  }

  /** `durable` is the least that the manifest knows to be. What is found is synced before anybody calls it durable. */
  async endOf(entry: SegmentEntry, durable: number): Promise<SegmentEnd> {
    const { segments, writable } = this.#options
    const reader = await segments.open(entry)
    const start = reader === undefined ? undefined : await this.#scanStart(entry, reader)
    // The manifest names a segment only once its header is on disk: one without is no torn tail, and may have held anything.
    if (reader === undefined || start === undefined) {
      throw lostSegment(segments.path(entry.name), entry, Math.max(durable, entry.base + 1))
    }
    const scanned = await scanSegment(reader.source, start, (frame, position, reached) => {
      reader.index.note(frame.baseOffset, position, reached)
    })
    this.#scanned = { name: entry.name, end: scanned }
    if (writable) await this.#accept(entry, reader, { scanned, durable })
    const { length, next, chain, timestamp, skipped } = scanned
    return { length, next, chain, timestamp, ...(skipped === undefined ? {} : { skipped }) }
  }

  #scanStart(entry: SegmentEntry, reader: SegmentReader): Promise<ScannedSegment | undefined> {
    const { place, format } = this.#options
    if (this.#scanned?.name !== entry.name) return beginScan(reader.source, place, format)
    const { fault: _, ...end } = this.#scanned.end
    return Promise.resolve(end)
  }

  /** Throws `corrupt` when the end is not one that a crash explains; else makes it durable. */
  async #accept(
    entry: SegmentEntry,
    { source }: SegmentReader,
    { scanned, durable }: { readonly scanned: ScannedSegment; readonly durable: number },
  ): Promise<void> {
    const { segments, bootId } = this.#options
    const rest = scanned.fault === undefined ? { frames: 0, durable: 0, next: scanned.next } : await inspectRest(source, scanned)
    judgeEnd(scanned, rest, { durable, bootId: (await bootId()) ?? null, path: segments.path(entry.name) })
    await segments.sync(entry.name)
  }
}
