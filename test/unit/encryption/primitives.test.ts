import { describe, expect, test } from 'vitest'
import * as browser from '../../../dist/primitives/browser.js'
import * as node from '../../../dist/primitives/node.js'
import * as other from '../../../dist/primitives/other.js'
import * as workerd from '../../../dist/primitives/workerd.js'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

describe.each([
  ['node', node],
  ['browser', browser],
  ['workerd', workerd],
  ['other', other],
] as const)('ciphers and keys for %s', (name, primitives) => {
  test('AES-256-GCM gives the published ciphertext (test case 16 of the specification)', async () => {
    const cipher = await primitives.aesGcm(bytes('feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308'))
    const nonce = bytes('cafebabefacedbaddecaf888')
    const plain = bytes(
      'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
    )
    const bound = bytes('feedfacedeadbeeffeedfacedeadbeefabaddad2')
    const sealed = await cipher.seal(nonce, plain, bound)
    expect(hex(sealed)).toBe(
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662' +
        '76fc6ece0f4e1768cddf8853bb2d551b',
    )
    expect(hex((await cipher.open(nonce, sealed, bound)) as Uint8Array)).toBe(hex(plain))
    for (let at = 0; at < sealed.length; at += 7) {
      const flipped = sealed.slice()
      flipped[at] = (flipped[at] as number) ^ 1
      expect(await cipher.open(nonce, flipped, bound)).toBeUndefined()
    }
    expect(await cipher.open(nonce, sealed, bound.subarray(1))).toBeUndefined()
    expect(await cipher.open(nonce, sealed.subarray(0, 15), bound)).toBeUndefined()
    const empty = await cipher.seal(nonce, new Uint8Array(0), bound)
    expect(empty.length).toBe(16)
    expect(await cipher.open(nonce, empty, bound)).toEqual(new Uint8Array(0))
  })

  test('HKDF-SHA-256 gives the published bytes (RFC 5869, case 1)', async () => {
    const key = await primitives.hkdfSha256(
      bytes('0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b'),
      bytes('000102030405060708090a0b0c'),
      bytes('f0f1f2f3f4f5f6f7f8f9'),
    )
    expect(hex(key)).toBe('3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf')
  })

  test('HMAC-SHA-256 gives the published bytes (RFC 4231, case 2)', async () => {
    expect(hex(await primitives.hmacSha256(utf8('Jefe'), utf8('what do ya want for nothing?')))).toBe(
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    )
  })

  test('PBKDF2-HMAC-SHA-256 gives the published bytes', async () => {
    expect(hex(await primitives.pbkdf2Sha256(utf8('password'), utf8('salt'), 4096))).toBe(
      'c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a',
    )
  })

  test.runIf(name !== 'workerd')('Argon2id is the one of other programs', async () => {
    const cost = { iterations: 2, memoryKiB: 256, parallelism: 1 }
    // Of the command line tool of the reference: echo -n password | argon2 somesalt -id -t 2 -k 256 -p 1 -l 32
    expect(hex(await primitives.argon2id(utf8('password'), utf8('somesalt'), cost))).toBe(
      '9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe',
    )
  })

  test.runIf(name === 'workerd')('Argon2id is unsupported, with a way out', async () => {
    await expect(workerd.argon2id()).rejects.toMatchObject({ code: 'unsupported' })
  })
})
