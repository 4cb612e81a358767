// Which packs a collection does away with: those that hold nothing reachable, those with more than a fifth of waste, and small
// ones where there are many. A pure function of their sizes.

/** Waste above this share is not kept: what is stored stays below 1.25 times of what is reachable. */
const MAX_WASTE = 0.2
/** So many small packs become large ones. */
const MANY_SMALL = 16
/** Of the size that packs are made in. */
const SMALL = 0.25
/** Names of them lie in one cell. */
const MAX_PACKS = 8_192

export interface WeighedPack {
  readonly name: string
  readonly bytes: number
  readonly liveBytes: number
}

export interface ChooseOptions {
  readonly packBytes: number
  /** Of reachable chunks that are copied, at most. */
  readonly maxBytes: number
}

/** Worth most first; packs without anything reachable cost nothing and come before all. */
export function choosePacks(packs: readonly WeighedPack[], { packBytes, maxBytes }: ChooseOptions): string[] {
  const empty = packs.filter(({ liveBytes }) => liveBytes === 0)
  const wasteful = packs.filter((pack) => pack.liveBytes > 0 && wasteOf(pack) > MAX_WASTE).sort((a, b) => wasteOf(b) - wasteOf(a))
  const small = packs.filter((pack) => pack.liveBytes > 0 && wasteOf(pack) <= MAX_WASTE && pack.bytes < packBytes * SMALL)
  const costly = small.length >= MANY_SMALL ? [...wasteful, ...small] : wasteful
  const chosen = empty.map(({ name }) => name)
  let moved = 0
  for (const { name, liveBytes } of costly) {
    if (moved + liveBytes > maxBytes && moved > 0) break
    moved += liveBytes
    chosen.push(name)
  }
  return chosen.slice(0, MAX_PACKS)
}

/** What a pack takes once is not waste: small packs would never be worth keeping. */
function wasteOf({ bytes, liveBytes }: WeighedPack): number {
  const chunks = bytes - EMPTY_PACK_BYTES
  return chunks <= 0 ? 0 : (chunks - liveBytes) / chunks
}

/** Header and trailer. */
const EMPTY_PACK_BYTES = 64
