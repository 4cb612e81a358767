import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isStorageError } from '../../../dist/core/base/errors.js'
import { compressBytes, decompressBytes } from '../../../dist/core/codec/compression.js'
import { sha256Hex } from '../../../dist/core/codec/hash.js'
import * as browser from '../../../dist/primitives/browser.js'
import * as node from '../../../dist/primitives/node.js'
import * as other from '../../../dist/primitives/other.js'
import * as workerd from '../../../dist/primitives/workerd.js'

const text = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i % 7) * (i % 3))
const sizes = [0, 1, 511, 4095, 4096, 100_000]
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe.each([
  ['node', node],
  ['browser', browser],
  ['workerd', workerd],
  ['other', other],
] as const)('primitives for %s', (_name, primitives) => {
  test('SHA-256 gives the published digests', async () => {
    const vectors = [
      ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
      ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    ] as const
    for (const [input, digest] of vectors) {
      const bytes = new TextEncoder().encode(input)
      expect(hex(await primitives.sha256(bytes))).toBe(digest)
      expect(hex(await primitives.sha256(bytes.subarray(1), bytes.subarray(0, 1)))).toBe(digest)
    }
  })

  test('SHA-256 of a message in parts is that of the whole', async () => {
    // What only its own runtime has is tested there.
    if (primitives === workerd) return
    const hash = await primitives.sha256Stream()
    for (const length of [0, 1, 63, 64, 65, 5000]) await hash.update(text(length))
    const whole = Buffer.concat([0, 1, 63, 64, 65, 5000].map((length) => text(length)))
    expect(hex(await hash.digest())).toBe(hex(await primitives.sha256(whole)))
  })

  test.each(['gzip', 'deflate'] as const)('%s comes back equal, and every runtime reads it', async (format) => {
    for (const size of sizes) {
      const packed = await primitives.compress(format, text(size))
      for (const reader of [node, other]) expect(hex(await reader.decompress(format, packed, size))).toBe(hex(text(size)))
    }
  })

  test.each(['gzip', 'deflate'] as const)('%s stops at the plain length', async (format) => {
    for (const size of [0, 100, 2000, 4_000_000]) {
      const packed = await primitives.compress(format, new Uint8Array(size + 1))
      await expect(primitives.decompress(format, packed, size)).rejects.toBeInstanceOf(Error)
      await expect(primitives.decompress(format, packed, size + 2)).rejects.toBeInstanceOf(Error)
    }
  })

  test.each(['gzip', 'deflate'] as const)('damaged %s is an error or other bytes of the same length', async (format) => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(600, 6000), fc.nat(), fc.nat(255), async (size, at, byte) => {
        const packed = await primitives.compress(format, text(size))
        packed[at % packed.length] = byte
        const plain = await primitives.decompress(format, packed, size).catch((error: unknown) => error)
        expect(plain instanceof Error || (plain as Uint8Array).length === size).toBe(true)
      }),
    )
  })

  test('random bytes of any length', () => {
    for (const length of [0, 16, 65_536, 200_001]) expect(primitives.randomBytes(length)).toHaveLength(length)
    expect(hex(primitives.randomBytes(16))).not.toBe(hex(primitives.randomBytes(16)))
    expect(
      primitives
        .randomBytes(200_000)
        .subarray(199_000)
        .some((byte) => byte !== 0),
    ).toBe(true)
  })
})

describe('compression', () => {
  test('is skipped under 512 bytes and where it saves less than a tenth', async () => {
    expect(await compressBytes('gzip', text(511))).toMatchObject({ compression: 0 })
    expect(await compressBytes('gzip', node.randomBytes(4000))).toMatchObject({ compression: 0 })
    expect(await compressBytes('gzip', text(512))).toMatchObject({ compression: 1 })
    expect(await compressBytes('deflate', text(512))).toMatchObject({ compression: 2 })
    expect(await compressBytes('none', text(5000))).toMatchObject({ compression: 0 })
  })

  test('a wrong plain length is corrupt, an unknown id unsupported', async () => {
    for (const name of ['gzip', 'deflate', 'none'] as const) {
      const packed = await compressBytes(name, text(5000))
      expect(await decompressBytes(packed.compression, packed.bytes, 5000)).toEqual(text(5000))
      for (const length of [0, 4999, 5001]) {
        const error = await decompressBytes(packed.compression, packed.bytes, length).catch((caught: unknown) => caught)
        expect(isStorageError(error, 'corrupt')).toBe(true)
      }
    }
    const error = await decompressBytes(9, text(9), 9).catch((caught: unknown) => caught)
    expect(isStorageError(error, 'unsupported')).toBe(true)
  })
})

test('sha256Hex is lower-case hexadecimal', async () => {
  expect(await sha256Hex(new Uint8Array(0))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
})
