// Numbers out of bits. Tables are described forward, from the lowest bit on; symbols stand backward, from a mark at the end.

export function refuse(reason: string): never {
  throw new Error(reason)
}

/** Place of the highest bit that is set, from 0. */
export function highBit(value: number): number {
  return 31 - Math.clz32(value)
}

/** Bits from the first byte on, lowest first; zeros behind the end. */
export class ForwardBits {
  readonly #bytes: Uint8Array
  #bit = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Up to 16. */
  read(count: number): number {
    const at = this.#bit >>> 3
    const [a = 0, b = 0, c = 0] = [this.#bytes[at], this.#bytes[at + 1], this.#bytes[at + 2]]
    const value = ((a | (b << 8) | (c << 16)) >>> (this.#bit & 7)) & ((1 << count) - 1)
    this.#bit += count
    return value
  }

  back(count: number): void {
    this.#bit -= count
  }

  /** Whole bytes that were begun. Throws where there were not so many. */
  end(): number {
    const end = (this.#bit + 7) >>> 3
    return end > this.#bytes.length ? refuse('a table ends too early') : end
  }
}

/** Bits from the last byte to the first, highest first, behind the highest bit that is set; zeros before the beginning. */
export class BackwardBits {
  readonly #bytes: Uint8Array
  /** How many are left; below zero once more were read. */
  left: number

  constructor(bytes: Uint8Array) {
    const last = bytes[bytes.length - 1]
    if (last === undefined || last === 0) refuse('a stream of bits has no end')
    this.#bytes = bytes
    this.left = 8 * (bytes.length - 1) + highBit(last as number)
  }

  /** Up to 31. */
  read(count: number): number {
    if (count > 16) return this.read(count - 16) * 65_536 + this.read(16)
    const value = this.peek(count)
    this.left -= count
    return value
  }

  /** Up to 16. */
  peek(count: number): number {
    const from = this.left - count
    if (from < 0) return this.left <= 0 ? 0 : (this.#at(0) & ((1 << this.left) - 1)) << -from
    return (this.#at(from >>> 3) >>> (from & 7)) & ((1 << count) - 1)
  }

  #at(byte: number): number {
    const bytes = this.#bytes
    return (bytes[byte] as number) | ((bytes[byte + 1] ?? 0) << 8) | ((bytes[byte + 2] ?? 0) << 16)
  }
}
