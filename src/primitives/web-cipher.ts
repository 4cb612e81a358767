// Keys and ciphers by WebCrypto. Pages outside a secure context have none of it, which is said as `unsupported`.

import { StorageError } from '../core/base/errors.js'

const KEY_BITS = 256
const AES = 'AES-GCM'

interface Cipher {
  seal(nonce: Uint8Array, plain: Uint8Array, bound: Uint8Array): Promise<Uint8Array>
  sealInto(nonce: Uint8Array, plain: Uint8Array, bound: Uint8Array, into: Uint8Array): Promise<void>
  open(nonce: Uint8Array, sealed: Uint8Array, bound: Uint8Array): Promise<Uint8Array | undefined>
}

/** Importing a key takes longer than using it once, and the same few are used again and again. */
const sources = new WeakMap<Uint8Array, Promise<CryptoKey>>()

export async function webAesGcm(key: Uint8Array): Promise<Cipher> {
  return cipherOf(await subtle().importKey('raw', key as BufferSource, AES, false, ['encrypt', 'decrypt']))
}

function cipherOf(key: CryptoKey): Cipher {
  return {
    async seal(nonce, plain, bound) {
      return new Uint8Array(await subtle().encrypt(parameters(nonce, bound), key, plain as BufferSource))
    },
    async sealInto(nonce, plain, bound, into) {
      into.set(await this.seal(nonce, plain, bound))
    },
    async open(nonce, sealed, bound) {
      try {
        return new Uint8Array(await subtle().decrypt(parameters(nonce, bound), key, sealed as BufferSource))
      } catch (error) {
        // The standard has this one error for a tag that does not fit.
        if ((error as Error).name === 'OperationError') return undefined
        throw error
      }
    },
  }
}

function parameters(nonce: Uint8Array, bound: Uint8Array): AesGcmParams {
  return { name: AES, iv: nonce as BufferSource, additionalData: bound as BufferSource }
}

export async function webHkdfSha256(key: Uint8Array, salt: Uint8Array, info: Uint8Array): Promise<Uint8Array> {
  const how = { name: 'HKDF', hash: 'SHA-256', salt: salt as BufferSource, info: info as BufferSource }
  return new Uint8Array(await subtle().deriveBits(how, await sourceOf(key), KEY_BITS))
}

function sourceOf(key: Uint8Array): Promise<CryptoKey> {
  const known = sources.get(key)
  if (known !== undefined) return known
  const source = subtle().importKey('raw', key as BufferSource, 'HKDF', false, ['deriveBits'])
  sources.set(key, source)
  return source
}

export async function webHmacSha256(key: Uint8Array, bytes: Uint8Array): Promise<Uint8Array> {
  const how = { name: 'HMAC', hash: 'SHA-256' }
  const imported = await subtle().importKey('raw', key as BufferSource, how, false, ['sign'])
  return new Uint8Array(await subtle().sign('HMAC', imported, bytes as BufferSource))
}

export async function webPbkdf2Sha256(secret: Uint8Array, salt: Uint8Array, iterations: number): Promise<Uint8Array> {
  const source = await subtle().importKey('raw', secret as BufferSource, 'PBKDF2', false, ['deriveBits'])
  const how = { name: 'PBKDF2', hash: 'SHA-256', salt: salt as BufferSource, iterations }
  try {
    return new Uint8Array(await subtle().deriveBits(how, source, KEY_BITS))
  } catch (cause) {
    const message = 'this runtime does not allow so many iterations of PBKDF2; give a key of 32 bytes instead of a passphrase'
    throw new StorageError('unsupported', message, { facts: { feature: 'encryption', iterations }, cause })
  }
}

function subtle(): SubtleCrypto {
  const found = globalThis.crypto?.subtle
  if (found !== undefined) return found
  const message = 'a page outside a secure context has no WebCrypto to encrypt with; serve it over https, or from localhost'
  throw new StorageError('unsupported', message, { facts: { feature: 'encryption', missing: 'crypto.subtle' } })
}
