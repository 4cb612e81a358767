import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isStorageError } from '../../../dist/core/base/errors.js'
import { jsonCodec } from '../../../dist/core/codec/json.js'

const roundTrip = (value: unknown): unknown => jsonCodec.decode(jsonCodec.encode(value))

function refusal(value: unknown): Error {
  try {
    jsonCodec.encode(value)
  } catch (error) {
    expect(isStorageError(error, 'invalid')).toBe(true)
    return error as Error
  }
  throw new Error('nothing was refused')
}

class Point {
  x = 1
}

const cycle: { next: unknown } = { next: undefined }
cycle.next = { back: [cycle] }

describe('the JSON codec', () => {
  test('returns any JSON value equal', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const hasMinusZero = JSON.stringify(value, (_key, inner) => (Object.is(inner, -0) ? 'minus zero' : inner)) !== JSON.stringify(value)
        if (!hasMinusZero) expect(roundTrip(value)).toStrictEqual(value)
      }),
    )
  })

  test('returns any text equal, lone surrogates too', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void expect(roundTrip(text)).toBe(text)))
    expect(roundTrip('\ud800 and \udc00')).toBe('\ud800 and \udc00')
  })

  test.each([
    [{ items: [{}, {}, {}, { when: new Date(0) }] }, '$.items[3].when', 'Date'],
    [new Map(), '$', 'Map'],
    [[new Set()], '$[0]', 'Set'],
    [{ n: 1n }, '$.n', 'bigint'],
    [{ a: undefined }, '$.a', 'undefined'],
    [undefined, '$', 'undefined'],
    [[Number.NaN], '$[0]', 'NaN'],
    [{ 'two words': Number.POSITIVE_INFINITY }, '$["two words"]', 'Infinity'],
    [{ z: -0 }, '$.z', '-0'],
    [{ p: new Point() }, '$.p', 'Point'],
    [cycle, '$.next.back[0]', 'leads back'],
    [Object.assign(new Array(3), { 0: 1, 2: 2 }), '$[1]', 'hole'],
    [{ [Symbol('s')]: 1 }, '$', 'symbol'],
    [{ s: Symbol('s') }, '$.s', 'symbol'],
    [{ f: () => 1 }, '$.f', 'function'],
    [{ b: new Uint8Array(2) }, '$.b', 'Uint8Array'],
    [Object.defineProperty({}, 'toJSON', { value: () => 1 }), '$', 'toJSON'],
    [Object.assign([1], { extra: 2 }), '$', 'named properties'],
    [new (class extends Array<number> {})(), '$', 'class'],
    [Object(1), '$', 'Number'],
  ])('refuses what would not come back equal: case %#', (value, path, word) => {
    const error = refusal(value)
    expect(error.message).toContain(`${path} `)
    expect(error.message).toContain(word)
    expect(error.message).toContain('use codec: structured')
  })

  test('keeps __proto__ as data in both directions and pollutes nothing', () => {
    const value = JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1}') as object
    const back = roundTrip(value) as object
    expect(Object.hasOwn(back, '__proto__')).toBe(true)
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype)
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  test('refuses depth instead of overflowing the stack', () => {
    let deep: unknown = 0
    for (let i = 0; i < 100_000; i++) deep = [deep]
    expect(refusal(deep).message).toContain('1000 levels')
  })

  test('takes a value that occurs twice', () => {
    const shared = { a: 1 }
    expect(roundTrip([shared, shared])).toStrictEqual([shared, shared])
  })

  test('bytes that are not JSON are corrupt', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        try {
          jsonCodec.decode(bytes)
        } catch (error) {
          expect(isStorageError(error, 'corrupt')).toBe(true)
        }
      }),
    )
  })
})
