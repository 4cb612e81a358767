// Segments of a bucket as one line: as long as they are large, `|` where the next begins, dark where most of the records
// between their offsets are still held.

import type { SegmentDescription } from '../core/engine/doctor/describe-file-log.js'

export const PICTURE_LEGEND = '█ all records held, ▓▒░ fewer and fewer, | next segment, > open'

/** At least one and at most about `width` characters. */
export function segmentPicture(segments: readonly SegmentDescription[], width: number): string {
  const total = segments.reduce((sum, { bytes }) => sum + bytes, 0)
  const cells = Math.max(1, width)
  let text = ''
  let before: SegmentDescription | undefined
  for (let cell = 0; cell < cells; cell++) {
    const segment = segmentAtByte(segments, ((cell + 0.5) / cells) * total)
    text += before !== undefined && segment !== before ? '|' : shadeOf(segment)
    before = segment
  }
  return segments.some(({ isClosed, isMissing }) => !isClosed && !isMissing) ? `${text}>` : text
}

function segmentAtByte(segments: readonly SegmentDescription[], byte: number): SegmentDescription | undefined {
  let end = 0
  return segments.find(({ bytes }) => {
    end += bytes
    return byte < end
  })
}

function shadeOf(segment: SegmentDescription | undefined): string {
  if (segment === undefined || segment.next === segment.base) return '░'
  const held = segment.records / (segment.next - segment.base)
  if (held >= 1) return '█'
  if (held >= 0.5) return '▓'
  return held >= 0.1 ? '▒' : '░'
}
