// Where the frames of a segment lie, by offset and by time: an entry about every 4 KiB. The active segment has its index in
// memory; a sealed one carries it behind its last frame, closed by a trailer, so that one read of the file's end finds it.
// An index is a hint: every frame's header is checked, and a missing or damaged one costs time only.

import { getU64, setU64, viewOf } from '../base/bytes.js'
import { crc32c } from '../codec/crc32c.js'
import type { ByteSource } from '../ports/file-store.js'

export const TRAILER_BYTES = 64
const ENTRY_BYTES = 12
const EVERY_BYTES = 4 * 1024
/** What is read of a file's end at once: most footers are shorter. */
const SUFFIX_BYTES = 16 * 1024
const MAGIC = [0x56, 0x41, 0x52, 0x56, 0x46, 0x54, 0x52] // VARVFTR, then the format major
const MAJOR = 1
/** What an entry can say; behind a longer gap a hint is left out. */
const MOST_OFFSETS = 0xffffffff

export interface IndexEntry {
  /** Of the first record at or after the position. */
  readonly offset: number
  /** A frame begins here. */
  readonly position: number
  /** Greatest timestamp of all frames before the position, ms. */
  readonly reached: number
}

export class SegmentIndex {
  readonly #entries: IndexEntry[]

  constructor(first: IndexEntry, rest: readonly IndexEntry[] = []) {
    this.#entries = [first, ...rest]
  }

  /** All but the first, which the segment's header tells. */
  get entries(): readonly IndexEntry[] {
    return this.#entries.slice(1)
  }

  /** Tells of a place where a frame begins; cheap, most are not kept. */
  note(offset: number, position: number, reached: number): void {
    const last = this.#entries[this.#entries.length - 1] as IndexEntry
    if (position >= last.position + EVERY_BYTES && offset > last.offset) this.#entries.push({ offset, position, reached })
  }

  /** Where to begin to look for an offset, and the next place that is known: a frame ends there. */
  placeOf(offset: number): { readonly position: number; readonly next: number | undefined } {
    const at = this.#last((entry) => entry.offset <= offset)
    return { position: (this.#entries[at] as IndexEntry).position, next: this.#entries[at + 1]?.position }
  }

  /** Where to begin to look for the first record at or after `time`: all frames before are earlier. */
  positionAtTime(time: number): number {
    return (this.#entries[this.#last((entry) => entry.reached < time)] as IndexEntry).position
  }

  /** The first known offset whose frame begins at or after `position`; undefined behind the last entry. */
  offsetFrom(position: number): number | undefined {
    return this.#entries.find((entry) => entry.position >= position)?.offset
  }

  /** Number of the last entry of a run that begins with the first one. */
  #last(belongs: (entry: IndexEntry) => boolean): number {
    let low = 0
    let high = this.#entries.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (belongs(this.#entries[middle] as IndexEntry)) low = middle
      else high = middle - 1
    }
    return low
  }
}

/** What a trailer says of its segment. */
export interface SegmentSummary {
  readonly base: number
  /** Where the frames end and the footer begins. */
  readonly length: number
  readonly next: number
  readonly records: number
  readonly chain: number
  readonly timestamp: number
}

export interface SegmentFooter extends SegmentSummary {
  readonly entries: readonly IndexEntry[]
}

/** Index and trailer, as they follow the last frame. */
export function encodeFooter(index: SegmentIndex, summary: SegmentSummary): Uint8Array {
  const entries = index.entries.filter(({ offset }) => offset - summary.base <= MOST_OFFSETS)
  const trailerAt = entries.length * ENTRY_BYTES
  const bytes = new Uint8Array(trailerAt + TRAILER_BYTES)
  const view = viewOf(bytes)
  const baseTime = entries[0]?.reached ?? 0
  entries.forEach((entry, at) => {
    view.setUint32(at * ENTRY_BYTES, entry.offset - summary.base, true)
    view.setUint32(at * ENTRY_BYTES + 4, entry.position, true)
    view.setUint32(at * ENTRY_BYTES + 8, entry.reached - baseTime, true)
  })
  bytes.set([...MAGIC, MAJOR], trailerAt)
  setU64(view, trailerAt + 8, summary.length)
  setU64(view, trailerAt + 16, summary.base)
  setU64(view, trailerAt + 24, summary.next)
  setU64(view, trailerAt + 32, summary.timestamp)
  setU64(view, trailerAt + 40, baseTime)
  view.setUint32(trailerAt + 48, entries.length, true)
  view.setUint32(trailerAt + 52, summary.records, true)
  view.setUint32(trailerAt + 56, summary.chain, true)
  view.setUint32(trailerAt + 60, crc32c(bytes, 0, trailerAt + 60), true)
  return bytes
}

/** The footer at the end of `bytes`; a number says how many bytes it takes when there are fewer; undefined: none, or a damaged one. */
export function decodeFooter(bytes: Uint8Array): SegmentFooter | number | undefined {
  const trailerAt = bytes.length - TRAILER_BYTES
  if (trailerAt < 0 || !MAGIC.every((byte, at) => bytes[trailerAt + at] === byte) || bytes[trailerAt + 7] !== MAJOR) return undefined
  const view = viewOf(bytes)
  const count = view.getUint32(trailerAt + 48, true)
  const start = trailerAt - count * ENTRY_BYTES
  if (start < 0) return count * ENTRY_BYTES + TRAILER_BYTES
  if (crc32c(bytes, start, trailerAt + 60) !== view.getUint32(trailerAt + 60, true)) return undefined
  const base = getU64(view, trailerAt + 16)
  const baseTime = getU64(view, trailerAt + 40)
  const entries = Array.from({ length: count }, (_, index) => {
    const at = start + index * ENTRY_BYTES
    return {
      offset: base + view.getUint32(at, true),
      position: view.getUint32(at + 4, true),
      reached: baseTime + view.getUint32(at + 8, true),
    }
  })
  return {
    base,
    length: getU64(view, trailerAt + 8),
    next: getU64(view, trailerAt + 24),
    timestamp: getU64(view, trailerAt + 32),
    records: view.getUint32(trailerAt + 52, true),
    chain: view.getUint32(trailerAt + 56, true),
    entries,
  }
}

/** The footer of a whole file; undefined where it has none that is valid. */
export async function readFooter(source: ByteSource, decode: typeof decodeFooter): Promise<SegmentFooter | undefined> {
  let wanted = SUFFIX_BYTES
  for (;;) {
    const start = Math.max(0, source.size - wanted)
    const footer = decode(await source.read({ start, end: source.size }))
    if (typeof footer !== 'number') return footer !== undefined && footer.length <= source.size ? footer : undefined
    if (start === 0) return undefined
    wanted = footer
  }
}
