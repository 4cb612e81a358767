// Whether a group of items (of a leaf, of a node) ends behind this one: decided by the item's own hash, so that the same items give
// the same groups wherever they stand. Normalized, of level 1: items are
// coarse, and a higher level would cut by size rather than by content.

import { murmur3In } from '../../codec/murmur3.js'

export interface GroupSizes {
  readonly min: number
  readonly normal: number
  readonly max: number
}

export interface GrownGroup {
  readonly grown: number
  readonly sizes: GroupSizes
}

const RARELY = 1 / 2
const SOON = 2
const HASHES = 2 ** 32

/** Whether the item in `bytes[start, end)` is the last of its group; `grown` is the size of the group with it. */
export function isSeam(bytes: Uint8Array, start: number, end: number, { grown, sizes }: GrownGroup): boolean {
  if (grown < sizes.min) return false
  const chance = ((end - start) / sizes.normal) * (grown < sizes.normal ? RARELY : SOON)
  return murmur3In(bytes, start, end) < chance * HASHES
}
