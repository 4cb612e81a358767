// What sealing adds to a length. Apart from what seals, because the traits of an encrypted store are known before it is used.

export const SEGMENT_BYTES = 65_536
export const TAG_BYTES = 16
export const SEALED_HEADER_BYTES = 64

/** How many segments there are; an empty one stands for nothing, so that it is authenticated too. */
export function segmentCount(plainBytes: number): number {
  return Math.max(1, Math.ceil(plainBytes / SEGMENT_BYTES))
}

/** The inverse of adding the tags, for any number of bytes that are segments; less than 0 for fewer than a tag. */
export function plainBytesOf(segmentsBytes: number): number {
  return segmentsBytes - TAG_BYTES * Math.max(1, Math.ceil(segmentsBytes / (SEGMENT_BYTES + TAG_BYTES)))
}

/** Where a segment lies among the sealed ones. */
export function segmentStart(index: number): number {
  return index * (SEGMENT_BYTES + TAG_BYTES)
}

export function sealedBytes(plainBytes: number): number {
  return SEALED_HEADER_BYTES + plainBytes + TAG_BYTES * segmentCount(plainBytes)
}

/** Of a sealed blob of so many bytes; below 0 for what is none. */
export function plainBytesOfSealed(storedBytes: number): number {
  return plainBytesOf(storedBytes - SEALED_HEADER_BYTES)
}
