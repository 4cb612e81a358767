// Whether a group of items (of a leaf, of a node) ends behind this one: decided by the item's own hash, so that the same items give
// the same groups wherever they stand. Normalized, of level 1: items are
// coarse, and a higher level would cut by size rather than by content.

import { murmur3 } from '../../codec/murmur3.js'

export interface GroupSizes {
  readonly min: number
  readonly normal: number
  readonly max: number
}

const RARELY = 1 / 2
const SOON = 2
const HASHES = 2 ** 32

/** `grown` is the size of the group with the item in it. */
export function isSeam(item: Uint8Array, grown: number, { min, normal }: GroupSizes): boolean {
  if (grown < min) return false
  const chance = (item.length / normal) * (grown < normal ? RARELY : SOON)
  return murmur3(item) < chance * HASHES
}
