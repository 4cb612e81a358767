// A stream of bytes under a secret of its own, for what leaves a store: an archive. It carries its keyring, so that the
// secret is all one needs; its segments are those of `cipher`.
//
//  0  8  magic "VRVSTRM", format major     8  4  bytes of the keyring
// 12 32  salt                             44  4  CRC32C of bytes 0-43
// 48  …  keyring, then segments

import { concatBytes, viewOf } from '../base/bytes.js'
import { StorageError } from '../base/errors.js'
import { boundOf, cipherFor, newCipherSalt, SALT_BYTES, SegmentCipher } from './cipher.js'
import { SEGMENT_BYTES, TAG_BYTES } from './sealed-sizes.js'
import { crc32c } from './crc32c.js'
import { checkPassphraseHash, type EncryptionSecret, type PassphraseHash, takeSecret } from './secret.js'
import { decodeKeyring, encodeKeyring, type Keyring, newKeyring, unlockKeyring } from './keyring.js'

const MAGIC = [0x56, 0x52, 0x56, 0x53, 0x54, 0x52, 0x4d] // VRVSTRM, then the format major
const MAJOR = 1
const HEADER_BYTES = 48
const MOST_KEYRING_BYTES = 65_536
const PLACE = 'stream'
const SALT_AT = 12

/** Whether bytes begin as `sealStream` begins them: 7 tell. */
export function isSealedStream(beginning: Uint8Array): boolean {
  return MAGIC.every((byte, at) => beginning[at] === byte)
}

/**
 * Seals bytes as they come, in segments of 64 KiB, under a fresh key that only the secret opens. `invalid` for what is no
 * secret; `unsupported` where this runtime cannot encrypt.
 */
export async function* sealStream(
  source: AsyncIterable<Uint8Array>,
  secret: EncryptionSecret,
  options: { readonly passphraseHash?: PassphraseHash } = {},
): AsyncGenerator<Uint8Array> {
  checkPassphraseHash(options.passphraseHash, 'sealStream')
  const keyring = await newKeyring(takeSecret(secret, 'sealStream'), options.passphraseHash)
  const stored = encodeKeyring(keyring.stored)
  const header = encodeHeader(stored.length)
  const cipher = await cipherOf(keyring, header)
  yield concatBytes([header, stored])
  const pieces = new Pieces(source)
  try {
    for (let index = 0; ; index++) {
      const plain = await pieces.take(SEGMENT_BYTES)
      const isLast = await pieces.isOver()
      yield await cipher.seal(index, isLast, plain)
      if (isLast) return
    }
  } finally {
    await pieces.close()
  }
}

/**
 * The bytes that `sealStream` was given. Nothing of a segment comes before all of it is proved. `denied` for another
 * secret; `corrupt` for damage, for what was cut off, and for what is no such stream.
 */
export async function* openStream(source: AsyncIterable<Uint8Array>, secret: EncryptionSecret): AsyncGenerator<Uint8Array> {
  const taken = takeSecret(secret, 'openStream')
  const pieces = new Pieces(source)
  try {
    const header = await pieces.take(HEADER_BYTES)
    const stored = decodeKeyring(await pieces.take(keyringBytes(header)), PLACE)
    const cipher = await cipherOf(await unlockKeyring(stored, taken, PLACE), header)
    for (let index = 0; ; index++) {
      const sealed = await pieces.take(SEGMENT_BYTES + TAG_BYTES)
      const isLast = await pieces.isOver()
      const plain = await cipher.open(index, isLast, sealed)
      if (plain === undefined) throw damaged('a part of an encrypted stream is damaged, or its end is missing', { segment: index })
      if (plain.length > 0) yield plain
      if (isLast) return
    }
  } finally {
    await pieces.close()
  }
}

async function cipherOf({ storeId, keys, current }: Keyring, header: Uint8Array): Promise<SegmentCipher> {
  const salt = header.subarray(SALT_AT, SALT_AT + SALT_BYTES)
  const cipher = await cipherFor('stream', keys[current - 1] as Uint8Array, salt)
  return new SegmentCipher(cipher, boundOf(storeId, header))
}

function encodeHeader(keyringLength: number): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES)
  const view = viewOf(header)
  header.set([...MAGIC, MAJOR])
  view.setUint32(8, keyringLength, true)
  header.set(newCipherSalt(), SALT_AT)
  view.setUint32(44, crc32c(header, 0, 44), true)
  return header
}

function keyringBytes(header: Uint8Array): number {
  if (header.length < HEADER_BYTES || !isSealedStream(header)) throw damaged('this is no encrypted stream', { bytes: header.length })
  const view = viewOf(header)
  if (crc32c(header, 0, 44) !== view.getUint32(44, true)) throw damaged('the header of an encrypted stream fails its checksum', {})
  if (header[7] !== MAJOR) {
    const facts = { format: header[7], newestKnown: MAJOR }
    throw new StorageError('unsupported', 'encrypted by a newer version of Varve', { facts })
  }
  const bytes = view.getUint32(8, true)
  if (bytes > MOST_KEYRING_BYTES) throw damaged('the keyring of an encrypted stream is too long', { bytes })
  return bytes
}

function damaged(message: string, facts: Readonly<Record<string, unknown>>): StorageError {
  return new StorageError('corrupt', message, { facts })
}

/** Bytes of a source, in pieces of the length that one asks for. */
class Pieces {
  readonly #source: AsyncIterator<Uint8Array>
  #held: Uint8Array[] = []
  #bytes = 0
  #ended = false

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** Fewer where the source ends. */
  async take(bytes: number): Promise<Uint8Array> {
    await this.#fill(bytes)
    const taken: Uint8Array[] = []
    for (let left = Math.min(bytes, this.#bytes); left > 0; ) {
      const first = this.#held[0] as Uint8Array
      const piece = first.subarray(0, left)
      taken.push(piece)
      left -= piece.length
      if (piece.length === first.length) this.#held.shift()
      else this.#held[0] = first.subarray(piece.length)
    }
    const whole = taken.length === 1 ? (taken[0] as Uint8Array) : concatBytes(taken)
    this.#bytes -= whole.length
    return whole
  }

  /** Whether nothing follows. */
  async isOver(): Promise<boolean> {
    await this.#fill(1)
    return this.#bytes === 0
  }

  /** Tells the source that nobody reads on. */
  async close(): Promise<void> {
    if (!this.#ended) await this.#source.return?.()
  }

  async #fill(bytes: number): Promise<void> {
    while (this.#bytes < bytes && !this.#ended) {
      const { value, done } = await this.#source.next()
      if (done === true) this.#ended = true
      else if (value.length > 0) {
        this.#held.push(value)
        this.#bytes += value.length
      }
    }
  }
}
