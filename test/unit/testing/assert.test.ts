import { expect, test } from 'vitest'
import { expectBytes, expectEqual, expectRejects, expectTrue } from 'varve/testing'
import { StorageError } from '../../../dist/core/base/errors.js'

test('expectEqual compares deeply and names the place of a difference', () => {
  expectEqual(
    { a: [1, { b: new Date(5) }], c: new Map([['x', new Set([1])]]) },
    { a: [1, { b: new Date(5) }], c: new Map([['x', new Set([1])]]) },
  )
  expect(() => expectEqual({ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] })).toThrow('.a.1.b')
  expect(() => expectEqual<unknown>([1], { 0: 1 })).toThrow()
  expect(() => expectEqual([1], [1, 2])).toThrow('.length')
  expect(() => expectEqual<unknown>({ a: undefined }, { b: 1 })).toThrow()
  expect(() => expectEqual(Number.NaN, Number.NaN)).not.toThrow()
})

test('expectBytes says where the first difference is', () => {
  expect(() => expectBytes(Uint8Array.of(1, 2, 3), Uint8Array.of(1, 9, 3))).toThrow('first at 1')
  expect(() => expectBytes(Uint8Array.of(1, 2, 3), Uint8Array.of(1, 2))).toThrow('3 bytes against 2')
  expect(() => expectBytes(undefined, Uint8Array.of(1))).toThrow('nothing there')
})

test('expectRejects wants a failure of the right code', async () => {
  await expectRejects(Promise.reject(new StorageError('quota', 'full')), 'quota')
  await expectRejects(() => Promise.reject(new StorageError('quota', 'full')), ['denied', 'quota'])
  await expectRejects(() => {
    throw new Error('thrown')
  })
  await expect(expectRejects(Promise.resolve(1))).rejects.toThrow('resolved to 1')
  await expect(expectRejects(Promise.reject(new Error('other')), 'quota')).rejects.toThrow('expected code quota')
})

test('expectTrue', () => {
  expectTrue(1)
  expect(() => expectTrue(0, 'the sky')).toThrow('the sky does not hold')
})
