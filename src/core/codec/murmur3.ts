// MurmurHash3 x86 32-bit (Austin Appleby, public domain algorithm), seed 0: the same bucket for a key everywhere.

const C1 = 0xcc9e2d51
const C2 = 0x1b873593

/** The hash as an unsigned 32-bit number. */
export function murmur3(bytes: Uint8Array, seed = 0): number {
  return murmur3In(bytes, 0, bytes.length, seed)
}

/** The same of a part. */
export function murmur3In(bytes: Uint8Array, start: number, end: number, seed = 0): number {
  let hash = seed
  const blocks = end - ((end - start) & 3)
  for (let at = start; at < blocks; at += 4) {
    const block =
      (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)
    hash ^= scramble(block)
    hash = (hash << 13) | (hash >>> 19)
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0
  }
  let rest = 0
  for (let at = end - 1; at >= blocks; at--) rest = (rest << 8) | (bytes[at] as number)
  hash ^= scramble(rest)
  hash ^= end - start
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function scramble(block: number): number {
  const mixed = Math.imul(block, C1)
  return Math.imul((mixed << 15) | (mixed >>> 17), C2)
}
