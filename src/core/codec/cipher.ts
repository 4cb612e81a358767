// Bytes sealed in segments, so that a part can be opened without the rest: each has its number, and whether it is the last
// one, in its nonce, so that none can be left out, moved or put behind the end. The key is used for one run of segments only
// (from 32 random bytes by HKDF): nonces never repeat, whatever was copied or went back in time.

import { concatBytes, utf8, viewOf } from '../base/bytes.js'
import { aesGcm, type Cipher, hkdfSha256, randomBytes } from '#primitives'

export const SALT_BYTES = 32
const NONCE_BYTES = 12

/** What is sealed as one thing; part of its key. */
export type SealedKind = 'blob' | 'file' | 'stream'

/** The cipher of one thing. */
export async function cipherFor(kind: SealedKind, dataKey: Uint8Array, salt: Uint8Array): Promise<Cipher> {
  return await aesGcm(await hkdfSha256(dataKey, salt, utf8(`varve sealed ${kind}`)))
}

export function newCipherSalt(): Uint8Array {
  return randomBytes(SALT_BYTES)
}

export function newNonce(): Uint8Array {
  return randomBytes(NONCE_BYTES)
}

/** Seals and opens the segments of one thing; `bound` is authenticated with each. */
export class SegmentCipher {
  readonly #cipher: Cipher
  readonly #bound: Uint8Array

  constructor(cipher: Cipher, bound: Uint8Array) {
    this.#cipher = cipher
    this.#bound = bound
  }

  seal(index: number, isLast: boolean, plain: Uint8Array): Promise<Uint8Array> {
    return this.#cipher.seal(segmentNonce(index, isLast), plain, this.#bound)
  }

  /** The same into memory of that length. */
  sealInto(index: number, isLast: boolean, plain: Uint8Array, into: Uint8Array): Promise<void> {
    return this.#cipher.sealInto(segmentNonce(index, isLast), plain, this.#bound, into)
  }

  open(index: number, isLast: boolean, sealed: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#cipher.open(segmentNonce(index, isLast), sealed, this.#bound)
  }
}

function segmentNonce(index: number, isLast: boolean): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES)
  viewOf(nonce).setUint32(NONCE_BYTES - 5, index)
  nonce[NONCE_BYTES - 1] = isLast ? 1 : 0
  return nonce
}

/** Parts that cannot be taken for others: each behind its length. */
export function boundOf(...parts: readonly (string | Uint8Array)[]): Uint8Array {
  return concatBytes(
    parts.flatMap((part) => {
      const bytes = typeof part === 'string' ? utf8(part) : part
      const length = new Uint8Array(4)
      viewOf(length).setUint32(0, bytes.length, true)
      return [length, bytes]
    }),
  )
}
