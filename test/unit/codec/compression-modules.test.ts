import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { brotli } from 'varve/compression/brotli'
import { lz4 } from 'varve/compression/lz4'
import { zstd } from 'varve/compression/zstd'
import { decodeZstd } from '../../../dist/compression/zstd/decode.js'
import { equalBytes, fromHex, utf8 } from '../../../dist/core/base/bytes.js'
import { isStorageError } from '../../../dist/core/base/errors.js'
import { decompressBytes } from '../../../dist/core/codec/compression.js'
import { chooseCompression } from '../../../dist/core/codec/compression-set.js'
import { ZSTD_PLAIN } from '../../fixtures/zstd-plain.js'

interface Frame {
  readonly plain: string
  readonly level: number
  readonly checksum: boolean
  readonly base64: string
}

/** As the zlib of Node 24 wrote them. */
const frames = (JSON.parse(readFileSync(join(import.meta.dirname, '../../fixtures/zstd-frames.json'), 'utf8')) as Frame[]).map(
  ({ plain, level, checksum, base64 }) => ({
    name: `${plain} at level ${level}${checksum ? ' with a checksum' : ''}`,
    plain: (ZSTD_PLAIN[plain] as () => Uint8Array)(),
    bytes: new Uint8Array(Buffer.from(base64, 'base64')),
  }),
)
const whole = (frame: (typeof frames)[number]): Promise<Uint8Array> => decompressBytes(4, frame.bytes, frame.plain.length, zstd)
const fails = (run: Promise<unknown>): Promise<unknown> =>
  run.then(
    () => undefined,
    (error: unknown) => (isStorageError(error) ? error.code : error),
  )

describe('without the zlib of Node', () => {
  beforeEach(() => void vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined))
  afterEach(() => void vi.restoreAllMocks())

  test.each(frames)('zstd reads $name', async (frame) => {
    expect(equalBytes(await whole(frame), frame.plain)).toBe(true)
  })

  test('zstd gives exactly the length that was stored, or nothing', async () => {
    for (const { bytes, plain } of frames) {
      for (const length of [0, 1, plain.length - 1, plain.length + 1, 2 * plain.length + 100]) {
        if (length >= 0 && length !== plain.length) expect(await fails(decompressBytes(4, bytes, length, zstd))).toBe('corrupt')
      }
    }
  })

  test('a bomb of zstd ends at the length that was stored', async () => {
    // 128 KiB of one byte, in four.
    const block = [0b010, 0, 0x10, 0]
    const last = [0b011, 0, 0x10, 0]
    const bomb = Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x80, ...new Array<number[]>(4000).fill(block).flat(), ...last])
    expect(bomb.length).toBeLessThan(17_000)
    for (const length of [0, 1000, 131_072, 1_000_000]) expect(await fails(decompressBytes(4, bomb, length, zstd))).toBe('corrupt')
    const two = Uint8Array.from([...bomb.subarray(0, 10), ...last])
    expect(equalBytes(await decompressBytes(4, two, 262_144, zstd), new Uint8Array(262_144))).toBe(true)
  })

  test('few bytes that claim many sequences are refused at once', async () => {
    // One literal that is repeated, 98,047 sequences, each with the constant codes of the longest match.
    const block = [1 | (1 << 3), 0x61, 0xff, 0xff, 0xff, 0b01_01_01_00, 1, 0, 52, 0x80]
    const header = (block.length << 3) | (2 << 1) | 1
    const bytes = Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, 200, header & 0xff, header >>> 8, 0, ...block])
    expect(await fails(decompressBytes(4, bytes, 200, zstd))).toBe('corrupt')
  })

  test('changed frames of zstd are corrupt or of the same length', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...frames), fc.nat(), fc.nat(255), fc.boolean(), async ({ bytes, plain }, at, byte, isCut) => {
        const changed = bytes.slice()
        changed[at % bytes.length] = byte
        const back = await decompressBytes(4, isCut ? changed.subarray(0, at % bytes.length) : changed, plain.length, zstd).catch(
          (error: unknown) => error,
        )
        expect(back instanceof Uint8Array ? back.length === plain.length : isStorageError(back, 'corrupt')).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  test('zstd is not written, and brotli needs its package: unsupported, with the way out', async () => {
    const plain = new Uint8Array(5000)
    await expect(chooseCompression(zstd).pack(plain)).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('gzip'),
    })
    await expect(chooseCompression(brotli).pack(plain)).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('nodejs_compat'),
    })
    await expect(chooseCompression(brotli).decompress(3, plain, 5000)).rejects.toMatchObject({ code: 'unsupported' })
    expect((await chooseCompression(lz4).pack(plain)).compression).toBe(5)
  })
})

describe('lz4', () => {
  const sentence = 'the same words, the same words, and the same words again; 0123456789 0123456789 0123456789 end.'

  test('reads blocks of the reference implementation', () => {
    const block = 'fc017468652073616d6520776f7264732c2010003b616e641400ff0320616761696e3b20303132333435363738390b00035020656e642e'
    expect(equalBytes(lz4.decompress(fromHex(block), sentence.length) as Uint8Array, utf8(sentence))).toBe(true)
    const zeros = fromHex('1f000100ffffffd2500000000000')
    expect(equalBytes(lz4.decompress(zeros, 1000) as Uint8Array, new Uint8Array(1000))).toBe(true)
  })

  test('keeps the last five bytes and what begins less than twelve from the end as literals, as others expect', () => {
    for (const size of [13, 20, 100]) {
      const block = lz4.compress(new Uint8Array(size)) as Uint8Array
      expect((block.at(-6) as number) >>> 4).toBe(5)
    }
    expect(lz4.compress(new Uint8Array(12))).toHaveLength(13)
  })

  test('copies from before the beginning, or without a distance, are corrupt', async () => {
    for (const block of ['10610200', '10610000', '1f61', '10', '', 'ff']) {
      expect(await fails(decompressBytes(5, fromHex(block), 100, lz4)), block).toBe('corrupt')
    }
  })
})

describe('with the zlib of Node', () => {
  test('brotli and lz4 write what the runtime reads', async () => {
    const plain = (ZSTD_PLAIN.words as () => Uint8Array)()
    for (const module of [brotli, lz4]) {
      const packed = await chooseCompression(module).pack(plain)
      expect(packed.compression).toBe(module.id)
      expect(equalBytes(await decompressBytes(module.id, packed.bytes, plain.length), plain)).toBe(true)
    }
  })

  test('zstd is native where it is there', async () => {
    for (const frame of frames) expect(equalBytes(await whole(frame), frame.plain)).toBe(true)
    if (process.getBuiltinModule('node:zlib').zstdCompressSync === undefined) return
    const plain = (ZSTD_PLAIN.words as () => Uint8Array)()
    const packed = await chooseCompression({ name: 'zstd', level: 19 }, [zstd]).pack(plain)
    expect(packed.bytes.length).toBeLessThan(700)
    const parts = fc.oneof(fc.constantFrom('{"name":"ada",', '[1,2,3]', 'x'.repeat(300)), fc.string(), fc.base64String())
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 300 }), fc.integer({ min: 1, max: 19 }), (texts, level) => {
        const bytes = utf8(texts.join(''))
        expect(equalBytes(decodeZstd(zstd.compress(bytes, level) as Uint8Array, bytes.length), bytes)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })
})
