// LZ4, the block format: runs of literals and copies of what came before, as the format's description has it
// (github.com/lz4/lz4, doc/lz4_Block_format.md). One block whatever the length; how long it is when inflated is stored
// outside of it.

/** A copy is at least this long, and less one of it stands in the token. */
const MIN_MATCH = 4
/** The last copy begins at least 12 bytes before the end, and the last 5 bytes are literals. */
const MATCH_LIMIT = 12
const LAST_LITERALS = 5
const MAX_DISTANCE = 65_535
const HASH_BITS = 14
/** After so many misses in a row the steps grow by one: what does not compress is passed quickly. */
const SKIP_SHIFT = 6
const TOKEN_MOST = 15
/** Up to here a loop is quicker than a call. */
const SHORT_COPY = 32

/** Every input fits: what does not compress takes a 255th more. */
export function compressBlock(bytes: Uint8Array): Uint8Array {
  const out = new BlockWriter(bytes)
  const limit = bytes.length - MATCH_LIMIT
  const table = new Int32Array(1 << HASH_BITS).fill(-1)
  let literals = 0
  let misses = 1 << SKIP_SHIFT
  for (let at = 0; at <= limit; ) {
    const word = wordAt(bytes, at)
    const slot = Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS)
    const from = table[slot] as number
    table[slot] = at
    if (from < 0 || at - from > MAX_DISTANCE || wordAt(bytes, from) !== word) {
      at += misses++ >>> SKIP_SHIFT
      continue
    }
    const length = matchLength(bytes, from, at)
    out.sequence(literals, at, { distance: at - from, length })
    at += length
    literals = at
    misses = 1 << SKIP_SHIFT
  }
  out.sequence(literals, bytes.length)
  return out.done()
}

interface Piece {
  readonly from: Uint8Array
  readonly start: number
  readonly end: number
}

function copyInto(into: Uint8Array, at: number, { from, start, end }: Piece): void {
  if (end - start > SHORT_COPY) into.set(from.subarray(start, end), at)
  else for (let i = start, to = at; i < end; i++, to++) into[to] = from[i] as number
}

function matchLength(bytes: Uint8Array, from: number, at: number): number {
  const most = bytes.length - LAST_LITERALS - at
  let length = MIN_MATCH
  while (length < most && bytes[from + length] === bytes[at + length]) length++
  return length
}

function wordAt(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
  return low | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)
}

interface Match {
  readonly distance: number
  readonly length: number
}

class BlockWriter {
  readonly #from: Uint8Array
  readonly #out: Uint8Array
  #at = 0

  constructor(from: Uint8Array) {
    this.#from = from
    this.#out = new Uint8Array(from.length + Math.ceil(from.length / 255) + 16)
  }

  /** Literals from `start` to `end`, then the match, if it is not the last. */
  sequence(start: number, end: number, match?: Match): void {
    const literals = end - start
    const copied = match === undefined ? 0 : match.length - MIN_MATCH
    this.#out[this.#at++] = (Math.min(literals, TOKEN_MOST) << 4) | Math.min(copied, TOKEN_MOST)
    this.#rest(literals)
    copyInto(this.#out, this.#at, { from: this.#from, start, end })
    this.#at += literals
    if (match === undefined) return
    this.#out[this.#at++] = match.distance & 0xff
    this.#out[this.#at++] = match.distance >>> 8
    this.#rest(copied)
  }

  #rest(length: number): void {
    if (length < TOKEN_MOST) return
    let left = length - TOKEN_MOST
    for (; left >= 255; left -= 255) this.#out[this.#at++] = 255
    this.#out[this.#at++] = left
  }

  done(): Uint8Array {
    return this.#out.slice(0, this.#at)
  }
}

/** Throws an Error unless the block gives exactly `plainLength` bytes; writes none past them. */
export function decompressBlock(bytes: Uint8Array, plainLength: number): Uint8Array {
  // A byte gives 255 at most: what claims more is refused before memory is taken for it.
  if (plainLength > bytes.length * 255) throw new Error('no block of this length gives so much')
  const out = new Uint8Array(plainLength)
  const input = new BlockReader(bytes)
  for (let at = 0; ; ) {
    const token = input.byte()
    const literals = input.length(token >>> 4)
    if (literals > plainLength - at) throw new Error('gives more than was compressed')
    input.take(literals, out, at)
    at += literals
    if (input.isAtEnd) {
      if (at !== plainLength) throw new Error('gives less than was compressed')
      return out
    }
    at = copyWithin(out, at, { distance: input.byte() | (input.byte() << 8), length: input.length(token & TOKEN_MOST) + MIN_MATCH })
  }
}

/** Forward and byte by byte where the copy overlaps itself, as repetitions do. */
function copyWithin(out: Uint8Array, at: number, { distance, length }: Match): number {
  if (distance === 0 || distance > at) throw new Error('copies what was never there')
  if (length > out.length - at) throw new Error('gives more than was compressed')
  if (distance >= length && length > SHORT_COPY) out.copyWithin(at, at - distance, at - distance + length)
  else for (let to = at; to < at + length; to++) out[to] = out[to - distance] as number
  return at + length
}

class BlockReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  byte(): number {
    if (this.isAtEnd) throw new Error('ends too early')
    return this.#bytes[this.#at++] as number
  }

  /** The four bits of a token, and what follows where they are all set. */
  length(bits: number): number {
    let length = bits
    if (bits < TOKEN_MOST) return length
    for (let more = 255; more === 255; length += more) more = this.byte()
    return length
  }

  take(count: number, into: Uint8Array, at: number): void {
    if (count > this.#bytes.length - this.#at) throw new Error('ends too early')
    copyInto(into, at, { from: this.#bytes, start: this.#at, end: this.#at + count })
    this.#at += count
  }
}
