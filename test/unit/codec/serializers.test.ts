import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type BuiltInCodec, openKv, openQueue, openSnapshots } from 'varve'
import { memory } from 'varve/adapters/memory'
import { chooseCodec, decodeValue, encodeValue, readyToDecode } from '../../../dist/core/codec/codecs.js'

const text = (bytes: Uint8Array): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
const utf8 = (value: string): Uint8Array => new TextEncoder().encode(value)
const invalidAt = (path: string) => expect.objectContaining({ code: 'invalid', facts: expect.objectContaining({ path }) })

describe('text', async () => {
  const codec = await chooseCodec('text')

  test('is UTF-8 and nothing else, also with a mark of byte order and zeros', () => {
    for (const value of ['', 'a', '\u{1F30D}é\0', '\uFEFFmarked', 'x'.repeat(5000)]) {
      expect(text(codec.encode(value))).toBe(value)
      expect(codec.decode(codec.encode(value))).toBe(value)
    }
  })

  test('what UTF-8 cannot keep is refused with its place, and so is what is no text', () => {
    expect(() => codec.encode('ab\uD83C')).toThrow(invalidAt('$[2]'))
    expect(() => codec.encode('\uDF0Dab')).toThrow(invalidAt('$[0]'))
    expect(() => codec.encode('a\uDF0D\uD83C')).toThrow(invalidAt('$[1]'))
    for (const value of [1, null, undefined, {}, ['a'], new String('a')]) expect(() => codec.encode(value)).toThrow(invalidAt('$'))
  })

  test('bytes that are no UTF-8 are corrupt', () => {
    expect(() => codec.decode(Uint8Array.of(0x61, 0xff))).toThrow(expect.objectContaining({ code: 'corrupt' }))
    expect(() => codec.decode(Uint8Array.of(0xed, 0xa0, 0x80))).toThrow(expect.objectContaining({ code: 'corrupt' }))
  })

  test('any text comes back equal, or is refused because it is not well formed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 0xd000, max: 0xffff }), (start, unit) => {
        const value = start + String.fromCharCode(unit)
        const isWhole = !/[\uD800-\uDFFF]/u.test(value)
        if (isWhole) expect(codec.decode(codec.encode(value))).toBe(value)
        else expect(() => codec.encode(value)).toThrow(expect.objectContaining({ code: 'invalid' }))
      }),
    )
  })
})

describe('ndjson', async () => {
  const codec = await chooseCodec('ndjson')

  test('has a value on each line, as other programs write it', () => {
    expect(text(codec.encode([1, 'a\nb', null, { b: 1, a: [] }]))).toBe('1\n"a\\nb"\nnull\n{"b":1,"a":[]}\n')
    expect(codec.encode([])).toHaveLength(0)
    expect(codec.decode(utf8(' {"a": 1} \r\n2\n'))).toStrictEqual([{ a: 1 }, 2])
    expect(codec.decode(utf8(''))).toStrictEqual([])
  })

  test('refuses what JSON would change, with the path, and all but arrays', () => {
    expect(() => codec.encode([1, { at: new Date(0) }])).toThrow(invalidAt('$[1].at'))
    expect(() => codec.encode([Number.NaN])).toThrow(invalidAt('$[0]'))
    expect(() => codec.encode(new Array(2))).toThrow(invalidAt('$[0]'))
    expect(() => codec.encode([undefined])).toThrow(invalidAt('$[0]'))
    for (const value of [{}, 'a', null, 1, undefined]) expect(() => codec.encode(value)).toThrow(invalidAt('$'))
  })

  test('a line that is cut, empty or no JSON is corrupt', () => {
    for (const bytes of ['1\n2', '1\n\n2\n', '\n', '1\n{"a":\n', '1\nnope\n']) {
      expect(() => codec.decode(utf8(bytes)), JSON.stringify(bytes)).toThrow(expect.objectContaining({ code: 'corrupt' }))
    }
    expect(() => codec.decode(utf8('1\nnope\n'))).toThrow(expect.objectContaining({ facts: expect.objectContaining({ line: 2 }) }))
  })

  test('any array of JSON comes back as JSON itself brings it back', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue({ noNegativeZero: true } as object)), (items) => {
        fc.pre(!JSON.stringify(items, (_, value) => (Object.is(value, -0) ? '-0' : value)).includes('"-0"'))
        expect(codec.decode(codec.encode(items))).toStrictEqual(JSON.parse(JSON.stringify(items)))
      }),
    )
  })
})

test('bytes takes a Uint8Array and nothing else', async () => {
  const codec = await chooseCodec('bytes')
  expect(decodeValue(0, encodeValue(codec, Uint8Array.of(1)).bytes, codec)).toStrictEqual(Uint8Array.of(1))
  expect(() => codec.encode('text')).toThrow(invalidAt('$'))
})

const samples: Record<BuiltInCodec, unknown> = {
  json: { a: [1, null, 'x'] },
  structured: new Map([[1, new Date(5)]]),
  text: 'two\nlines \u{1F30D}',
  ndjson: [{ a: 1 }, [], 'x'],
  bytes: Uint8Array.of(0, 255),
}
const names = Object.keys(samples) as BuiltInCodec[]

test.each(names)('%s writes queues, keys and snapshots, and is found again without being named', async (codec) => {
  const value = samples[codec]
  const backend = memory()
  await (await openQueue(backend, 'q', { codec })).append(value, { key: 'k' })
  await (await openKv(backend, 'n', { codec })).put('k', value)
  await (await openSnapshots(backend, { codec })).save({ agent: 'a', session: 's', state: value })
  expect((await (await openQueue(backend, 'q')).read())[0]?.value).toStrictEqual(value)
  expect(await (await openKv(backend, 'n')).get('k')).toStrictEqual(value)
  expect(await (await openSnapshots(backend)).load({ agent: 'a', session: 's' })).toStrictEqual(value)
})

test('ids 14 and 15 belong to text and ndjson', async () => {
  for (const id of [0, 1, 2, 14, 15]) {
    const own = { name: 'own', id, encode: () => new Uint8Array(0), decode: () => 1 }
    await expect(chooseCodec(own)).rejects.toMatchObject({ code: 'invalid' })
  }
  expect([(await chooseCodec('text')).id, (await chooseCodec('ndjson')).id]).toEqual([14, 15])
  await readyToDecode([14, 15])
  expect(decodeValue(14, utf8('a'), await chooseCodec())).toBe('a')
})
