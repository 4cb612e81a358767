// Keys and ciphers by `node:crypto`: in this thread, because a segment takes less than handing it to another one.

import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hkdfSync, type KeyObject, pbkdf2 } from 'node:crypto'

const KEY_BYTES = 32
const TAG_BYTES = 16
const AES = 'aes-256-gcm'

class NodeCipher {
  readonly #key: KeyObject

  constructor(key: Uint8Array) {
    this.#key = createSecretKey(key)
  }

  async seal(nonce: Uint8Array, plain: Uint8Array, bound: Uint8Array): Promise<Uint8Array> {
    const sealed = new Uint8Array(plain.length + TAG_BYTES)
    await this.sealInto(nonce, plain, bound, sealed)
    return sealed
  }

  async sealInto(nonce: Uint8Array, plain: Uint8Array, bound: Uint8Array, into: Uint8Array): Promise<void> {
    const cipher = createCipheriv(AES, this.#key, nonce, { authTagLength: TAG_BYTES }).setAAD(bound)
    into.set(cipher.update(plain))
    cipher.final()
    into.set(cipher.getAuthTag(), plain.length)
  }

  async open(nonce: Uint8Array, sealed: Uint8Array, bound: Uint8Array): Promise<Uint8Array | undefined> {
    const end = sealed.length - TAG_BYTES
    if (end < 0) return undefined
    const cipher = createDecipheriv(AES, this.#key, nonce, { authTagLength: TAG_BYTES }).setAAD(bound)
    cipher.setAuthTag(sealed.subarray(end))
    const plain = cipher.update(sealed.subarray(0, end))
    try {
      cipher.final()
    } catch {
      return undefined
    }
    return new Uint8Array(plain.buffer, plain.byteOffset, plain.byteLength)
  }
}

export async function aesGcm(key: Uint8Array): Promise<NodeCipher> {
  return new NodeCipher(key)
}

export async function hkdfSha256(key: Uint8Array, salt: Uint8Array, info: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(hkdfSync('sha256', key, salt, info, KEY_BYTES))
}

export async function hmacSha256(key: Uint8Array, bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(createHmac('sha256', key).update(bytes).digest())
}

export function pbkdf2Sha256(secret: Uint8Array, salt: Uint8Array, iterations: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    pbkdf2(secret, salt, iterations, KEY_BYTES, 'sha256', (error, key) => {
      if (error === null) resolve(new Uint8Array(key))
      else reject(error)
    })
  })
}
