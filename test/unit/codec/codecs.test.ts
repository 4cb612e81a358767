import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { isStorageError } from '../../../dist/core/base/errors.js'
import { loadPart } from '../../../dist/core/base/load-part.js'
import type * as codecs from '../../../dist/core/codec/codecs.js'
import { chooseCodec, decodeValue, encodeValue, readyToDecode } from '../../../dist/core/codec/codecs.js'

async function codeOf(run: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await run()
  } catch (error) {
    if (isStorageError(error)) return error.code
    throw error
  }
  return undefined
}

const upper = {
  name: 'upper',
  id: 7,
  encode: (value: unknown) => new TextEncoder().encode(String(value).toUpperCase()),
  decode: (bytes: Uint8Array) => new TextDecoder().decode(bytes),
}

test('a top-level Uint8Array is stored as bytes whatever the codec', async () => {
  for (const option of ['json', 'structured', upper] as const) {
    const codec = await chooseCodec(option)
    const encoded = encodeValue(codec, Uint8Array.of(1, 2))
    expect(encoded).toStrictEqual({ codec: 0, bytes: Uint8Array.of(1, 2) })
    const back = decodeValue(0, encoded.bytes, codec)
    expect(back).toStrictEqual(Uint8Array.of(1, 2))
    expect(back).not.toBe(encoded.bytes)
  }
})

test('values written by one codec are read by their stored id under another', async () => {
  const written = encodeValue(await chooseCodec('structured'), new Date(4))
  await readyToDecode([written.codec])
  expect(decodeValue(written.codec, written.bytes, await chooseCodec('json'))).toStrictEqual(new Date(4))
})

test('a codec of the user takes an id of its own and is needed to read', async () => {
  const codec = await chooseCodec(upper)
  const written = encodeValue(codec, 'ada')
  expect(decodeValue(written.codec, written.bytes, codec)).toBe('ADA')
  await readyToDecode([7])
  expect(await codeOf(async () => decodeValue(7, written.bytes, await chooseCodec()))).toBe('unsupported')
})

test('errors of a codec of the user are invalid where it writes and corrupt where it reads', async () => {
  const refuse = (): never => {
    throw new RangeError('no')
  }
  const codec = await chooseCodec({ ...upper, encode: refuse, decode: refuse })
  expect(() => encodeValue(codec, 1)).toThrow(expect.objectContaining({ code: 'invalid', cause: expect.any(RangeError) }))
  expect(() => decodeValue(7, new Uint8Array(1), codec)).toThrow(
    expect.objectContaining({ code: 'corrupt', cause: expect.any(RangeError) }),
  )
})

test('unknown names and taken ids are invalid', async () => {
  expect(await codeOf(() => chooseCodec('yaml' as 'json'))).toBe('invalid')
  expect(await codeOf(() => chooseCodec('constructor' as 'json'))).toBe('invalid')
  for (const id of [1, 2, 14, 15, 16, 2.5, -1]) expect(await codeOf(() => chooseCodec({ ...upper, id }))).toBe('invalid')
})

test('the structured codec is loaded when stored data asks for it, not before', async () => {
  const structured = encodeValue(await chooseCodec('structured'), new Map([[1, 2]]))
  // A query makes it another module, which has loaded nothing yet.
  const address = `${pathToFileURL(join(import.meta.dirname, '../../../dist/core/codec/codecs.js'))}?fresh`
  const fresh = (await import(/* @vite-ignore */ address)) as typeof codecs
  const json = await fresh.chooseCodec('json')
  await fresh.readyToDecode([0, 1])
  expect(await codeOf(async () => fresh.decodeValue(2, structured.bytes, json))).toBe('unsupported')
  await fresh.readyToDecode([1, 2])
  expect(fresh.decodeValue(2, structured.bytes, json)).toStrictEqual(new Map([[1, 2]]))
})

test('a part that cannot be loaded is unavailable and says which', async () => {
  const failed = loadPart('the map', () => Promise.reject(new TypeError('no network')))
  await expect(failed).rejects.toMatchObject({ code: 'unavailable', retryable: true, message: expect.stringContaining('the map') })
})
