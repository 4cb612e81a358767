// All frames of a closed segment, whole and checked: for merging, compacting and looking for damage.

import { StorageError } from '../base/errors.js'
import { frameError } from '../codec/frame.js'
import type { WholeFrame } from './log.js'
import type { SegmentEntry } from './log-manifest.js'
import type { SegmentReader } from './segment-reader.js'

const MAX_READ_BYTES = 1024 * 1024

/** All frames with records of the first `length` bytes, bodies checked. */
export async function* framesOf(reader: SegmentReader, length: number, path: string): AsyncGenerator<WholeFrame> {
  let from = 0
  for (;;) {
    const block = await reader.read(from, Number.POSITIVE_INFINITY, length, MAX_READ_BYTES)
    if (block === undefined) return
    for (const header of block.frames) {
      if (header.isControl) continue
      if (reader.format.frameBody(block.bytes, header) === undefined) {
        throw frameError('body', { path, firstOffset: header.baseOffset, lastOffset: header.next - 1 })
      }
      yield { bytes: block.bytes, header }
      from = header.next
    }
  }
}

/** A segment that held durable records cannot be read. */
export function lostSegment(path: string, entry: SegmentEntry, durable: number): StorageError {
  return new StorageError('corrupt', 'a log segment that held durable records is gone', {
    operation: 'open',
    facts: { path, firstOffset: entry.base, lastOffset: durable - 1 },
  })
}
