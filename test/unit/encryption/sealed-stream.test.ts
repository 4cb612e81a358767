import { describe, expect, test } from 'vitest'
import { isSealedStream, openStream, sealStream } from '../../../dist/core/codec/sealed-stream.js'

const secret = { key: new Uint8Array(32).fill(7) }
const SEGMENT = 65_536

async function* inPieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of source) parts.push(part)
  return new Uint8Array(Buffer.concat(parts))
}

const seal = (plain: Uint8Array): Promise<Uint8Array> => collect(sealStream(inPieces(plain, 50_000), secret))
const open = (sealed: Uint8Array, length = 70_001): Promise<Uint8Array> => collect(openStream(inPieces(sealed, length), secret))
const plainOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 9)) & 255)

describe('a sealed stream', () => {
  test.each([0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT, 200_000])('of %i bytes opens to what was sealed', async (length) => {
    const plain = plainOf(length)
    const sealed = await seal(plain)
    expect(isSealedStream(sealed)).toBe(true)
    for (const pieces of [1 << 20, 70_001, 333]) expect(Buffer.compare(await open(sealed, pieces), plain)).toBe(0)
  })

  test('differs each time, and holds nothing of what was sealed', async () => {
    const plain = new TextEncoder().encode('canary '.repeat(40))
    const [a, b] = [await seal(plain), await seal(plain)]
    expect(Buffer.compare(a, b)).not.toBe(0)
    expect(Buffer.from(a).includes('canary')).toBe(false)
  })

  test('says that another secret is not its own', async () => {
    const sealed = await seal(plainOf(10))
    for (const other of [{ key: new Uint8Array(32) }, { passphrase: 'horse' }])
      await expect(collect(openStream(inPieces(sealed, 99), other))).rejects.toMatchObject({ code: 'denied' })
  })

  test('opens with its passphrase, by either way to make a key of it', async () => {
    for (const passphraseHash of ['pbkdf2', 'argon2id'] as const) {
      const sealed = await collect(sealStream(inPieces(plainOf(9), 9), { passphrase: 'Zoë' }, { passphraseHash }))
      expect(await collect(openStream(inPieces(sealed, 99), { passphrase: 'Zoe\u0308' }))).toEqual(plainOf(9))
      await expect(collect(openStream(inPieces(sealed, 99), { passphrase: 'zoë' }))).rejects.toMatchObject({ code: 'denied' })
    }
  })

  test('is found damaged at every flipped byte and at every cut', async () => {
    const sealed = await seal(plainOf(40))
    for (let at = 0; at < sealed.length; at++) {
      const flipped = sealed.slice()
      flipped[at] = (flipped[at] as number) ^ 0x10
      await expect(open(flipped), `byte ${at}`).rejects.toMatchObject({ code: 'corrupt' })
      await expect(open(sealed.subarray(0, at)), `cut at ${at}`).rejects.toMatchObject({ code: 'corrupt' })
    }
  })

  test('is found out when whole segments are cut off, exchanged or put behind the end', async () => {
    const sealed = Buffer.from(await seal(plainOf(3 * SEGMENT)))
    const begin = sealed.length - 3 * (SEGMENT + 16)
    const part = (n: number) => sealed.subarray(begin + n * (SEGMENT + 16), begin + (n + 1) * (SEGMENT + 16))
    const head = sealed.subarray(0, begin)
    for (const parts of [
      [part(0), part(1)],
      [part(0), part(2)],
      [part(1), part(0), part(2)],
      [part(0), part(1), part(2), part(2)],
      [part(0), part(1), part(2), part(1)],
    ])
      await expect(open(new Uint8Array(Buffer.concat([head, ...parts])))).rejects.toMatchObject({ code: 'corrupt' })
  })

  test('ends its source when nobody reads on', async () => {
    let ended = 0
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield new Uint8Array(1000)
      } finally {
        ended++
      }
    }
    for await (const _ of sealStream(endless(), secret)) break
    let pieces = 0
    for await (const _ of sealStream(endless(), secret)) if (++pieces === 3) break
    for await (const _ of openStream(sealStream(endless(), secret), secret)) break
    expect(ended).toBe(2)
  })

  test.each([undefined, {}, { passphrase: '' }, { key: new Uint8Array(31) }, { key: new Uint8Array(32), passphrase: 'both' }])(
    'takes no secret like %o',
    async (wrong) => {
      await expect(collect(sealStream(inPieces(plainOf(1), 1), wrong as never))).rejects.toMatchObject({ code: 'invalid' })
    },
  )
})
