import { expect, test } from 'vitest'
import { isStorageError } from '../../../dist/core/base/errors.js'
import { chooseCodec, decodeValue, encodeValue } from '../../../dist/core/codec/codecs.js'

function codeOf(run: () => unknown): string | undefined {
  try {
    run()
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

test('a top-level Uint8Array is stored as bytes whatever the codec', () => {
  for (const option of ['json', 'structured', upper] as const) {
    const { codec, codecs } = chooseCodec(option)
    const encoded = encodeValue(codec, Uint8Array.of(1, 2))
    expect(encoded).toStrictEqual({ codec: 0, bytes: Uint8Array.of(1, 2) })
    const back = decodeValue(0, encoded.bytes, codecs)
    expect(back).toStrictEqual(Uint8Array.of(1, 2))
    expect(back).not.toBe(encoded.bytes)
  }
})

test('values written by one codec are read by their stored id under another', () => {
  const written = encodeValue(chooseCodec('structured').codec, new Date(4))
  expect(decodeValue(written.codec, written.bytes, chooseCodec('json').codecs)).toStrictEqual(new Date(4))
})

test('a codec of the user takes an id of its own and is needed to read', () => {
  const { codec, codecs } = chooseCodec(upper)
  const written = encodeValue(codec, 'ada')
  expect(decodeValue(written.codec, written.bytes, codecs)).toBe('ADA')
  expect(codeOf(() => decodeValue(7, written.bytes, chooseCodec().codecs))).toBe('unsupported')
})

test('unknown names and taken ids are invalid', () => {
  expect(codeOf(() => chooseCodec('yaml' as 'json'))).toBe('invalid')
  for (const id of [1, 16, 2.5, -1]) expect(codeOf(() => chooseCodec({ ...upper, id }))).toBe('invalid')
})
