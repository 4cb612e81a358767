import vm from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isStorageError } from '../../../dist/core/base/errors.js'
import { structuredCodec } from '../../../dist/core/codec/structured.js'

const roundTrip = <T>(value: T): T => structuredCodec.decode(structuredCodec.encode(value)) as T

function decodeOrCode(bytes: Uint8Array): unknown {
  try {
    return structuredCodec.decode(bytes)
  } catch (error) {
    if (!isStorageError(error)) throw error
    return error.code
  }
}

const anything = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withNullPrototype: true,
  withSparseArray: true,
  withTypedArray: true,
  withUnicodeString: true,
})

describe('the structured codec', () => {
  test('returns anything equal', () => {
    fc.assert(
      fc.property(anything, (value) => void expect(roundTrip(value)).toStrictEqual(value)),
      { numRuns: 1000 },
    )
  })

  test('returns any text and any double equal', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void expect(roundTrip(text)).toBe(text)))
    fc.assert(fc.property(fc.double(), (number) => void expect(Object.is(roundTrip(number), number)).toBe(true)))
    expect(roundTrip('\ud800x')).toBe('\ud800x')
    for (const number of [-0, 0, 2 ** 53 - 1, -(2 ** 53) + 1, 2 ** 53]) expect(Object.is(roundTrip(number), number)).toBe(true)
  })

  test('returns any bigint equal', () => {
    fc.assert(fc.property(fc.bigInt(), (number) => void expect(roundTrip(number)).toBe(number)))
  })

  test('keeps shared references and cycles', () => {
    const shared = { when: new Date(5) }
    const value: Record<string, unknown> = { a: shared, b: [shared, shared.when], map: new Map() }
    value.self = value
    ;(value.map as Map<unknown, unknown>).set(value.map, new Set([shared]))
    const back = roundTrip(value) as typeof value
    expect(back.self).toBe(back)
    expect((back.b as unknown[])[0]).toBe(back.a)
    expect((back.b as unknown[])[1]).toBe((back.a as typeof shared).when)
    const [[key, set]] = [...(back.map as Map<unknown, Set<unknown>>)] as [[unknown, Set<unknown>]]
    expect(key).toBe(back.map)
    expect(set.has(back.a)).toBe(true)
  })

  test('keeps invalid dates, expressions, buffers, views and null prototypes', () => {
    expect(roundTrip(new Date(Number.NaN)).getTime()).toBeNaN()
    expect(roundTrip(/a\/b/giu)).toStrictEqual(/a\/b/giu)
    expect(new Uint8Array(roundTrip(Uint8Array.of(1, 2, 3).buffer))).toStrictEqual(Uint8Array.of(1, 2, 3))
    expect(roundTrip(new DataView(Uint8Array.of(1, 2, 3, 4).buffer, 1, 2)).getUint16(0)).toBe(0x0203)
    expect(Object.getPrototypeOf(roundTrip(Object.create(null)))).toBeNull()
    expect(roundTrip(Object.assign(new Array(3), { 0: 1, 2: 3, note: 'x' }))).toStrictEqual(
      Object.assign(new Array(3), { 0: 1, 2: 3, note: 'x' }),
    )
  })

  test('a view brings only its own bytes, not the buffer around it', () => {
    const whole = new Uint8Array(1 << 16).fill(7)
    expect(structuredCodec.encode([whole.subarray(0, 4)]).length).toBeLessThan(20)
    expect(roundTrip([Buffer.from('pooled')])[0]).toStrictEqual(new TextEncoder().encode('pooled'))
  })

  test('keeps errors as data', () => {
    const cause = new TypeError('inner')
    const error = Object.assign(new RangeError('outer', { cause }), { code: 'E', when: new Date(1) })
    error.name = 'Custom'
    const back = roundTrip(error)
    expect(back).toBeInstanceOf(RangeError)
    expect([back.name, back.message, back.stack, back.code, back.when]).toStrictEqual(['Custom', 'outer', error.stack, 'E', new Date(1)])
    expect(back.cause).toBeInstanceOf(TypeError)
    expect(Object.keys(back)).toStrictEqual(['code', 'when'])
    const many = roundTrip(new AggregateError([new Error('a')], 'all'))
    expect(many.errors[0].message).toBe('a')
    const aborted = roundTrip(new DOMException('stop', 'AbortError'))
    expect([aborted.name, aborted.message]).toStrictEqual(['AbortError', 'stop'])
  })

  test('takes built-ins of another realm', () => {
    const value = vm.runInNewContext('({ d: new Date(3), m: new Map([[1, [2]]]), b: new Uint8Array(2) })') as {
      d: Date
      m: Map<number, number[]>
      b: Uint8Array
    }
    expect(roundTrip(value)).toStrictEqual({ d: new Date(3), m: new Map([[1, [2]]]), b: new Uint8Array(2) })
  })

  test.each([
    [{ a: [() => 1] }, '$.a[0]', 'function'],
    [new Map([[1, { s: Symbol('x') }]]), '$<value 0>.s', 'symbol'],
    [new Set([new (class Point {})()]), '$<item 0>', 'Point'],
    [{ [Symbol('k')]: 1 }, '$', 'symbol'],
    [new (class Later extends Date {})(), '$', 'Later'],
    [new WeakMap(), '$', 'WeakMap'],
    [Promise.resolve(), '$', 'Promise'],
    [{ b: new Boolean(true) }, '$.b', 'Boolean'],
  ])('refuses what it cannot keep: case %#', (value, path, word) => {
    let caught: unknown
    try {
      structuredCodec.encode(value)
    } catch (error) {
      caught = error
    }
    expect(isStorageError(caught, 'invalid')).toBe(true)
    expect((caught as Error).message).toContain(`${path} `)
    expect((caught as Error).message).toContain(word)
  })

  test('bounds depth in both directions', () => {
    let deep: unknown = 0
    for (let i = 0; i < 50_000; i++) deep = [deep]
    expect(() => structuredCodec.encode(deep)).toThrow('1000 levels')
    const bytes = new Uint8Array(200_001).fill(13)
    for (let i = 2; i < bytes.length; i += 2) bytes[i] = 1
    bytes[0] = 1
    expect(decodeOrCode(bytes)).toBe('corrupt')
  })

  test('__proto__ stays data and reaches no prototype', () => {
    const value = JSON.parse('{"__proto__": {"polluted": true}}') as object
    const back = roundTrip(value)
    expect(Object.hasOwn(back, '__proto__')).toBe(true)
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype)
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  test('random and damaged bytes give a value or corrupt, never another error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => void decodeOrCode(Uint8Array.of(1, ...bytes))),
      { numRuns: 5000 },
    )
    fc.assert(
      fc.property(anything, fc.nat(), fc.nat(255), (value, at, byte) => {
        const bytes = structuredCodec.encode(value)
        bytes[1 + (at % (bytes.length - 1))] = byte
        decodeOrCode(bytes)
      }),
      { numRuns: 2000 },
    )
  })

  test('every cut is corrupt', () => {
    const bytes = structuredCodec.encode({ a: [1, 'two', new Map([[3n, /4/]])], e: new Error('x') })
    for (let length = 0; length < bytes.length; length++) expect(decodeOrCode(bytes.subarray(0, length))).toBe('corrupt')
  })

  test('a length that lies allocates nothing', () => {
    const huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]
    for (let tag = 4; tag <= 30; tag++) decodeOrCode(Uint8Array.of(1, tag, ...huge))
    const sparse = [0xff, 0xff, 0xff, 0x0e, 0]
    expect((decodeOrCode(Uint8Array.of(1, 14, ...sparse)) as unknown[]).length).toBeGreaterThan(20_000_000)
  })

  test('a newer version is unsupported', () => {
    expect(decodeOrCode(Uint8Array.of(2, 0))).toBe('unsupported')
  })
})
