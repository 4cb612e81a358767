// Which codec writes a value, and which one reads it back: by the id that was stored with it.

import { StorageError } from '../base/errors.js'
import { bytesCodec } from './bytes.js'
import type { Codec } from './codec.js'
import { jsonCodec } from './json.js'
import { structuredCodec } from './structured.js'

/** A built-in codec by name, or one of the user's own (id 3-15, for ever the same). */
export type CodecOption = 'json' | 'structured' | Codec

/** Readers by stored id. */
export type Codecs = ReadonlyMap<number, Codec>

/** What a feature keeps after it was opened. */
export interface CodecChoice {
  /** Writes new values. */
  readonly codec: Codec
  /** Reads stored ones: the built-in codecs and the chosen one. */
  readonly codecs: Codecs
}

export interface EncodedValue {
  /** Id of the codec that made the bytes. */
  readonly codec: number
  readonly bytes: Uint8Array
}

const BUILT_IN: readonly Codec[] = [bytesCodec, jsonCodec, structuredCodec]
const FIRST_OWN_ID = BUILT_IN.length
const LAST_ID = 15

/** Resolves the `codec` option; throws `invalid` for an unknown name or an id that is taken. */
export function chooseCodec(option: CodecOption = 'json'): CodecChoice {
  const codec = typeof option === 'object' && option !== null ? option : BUILT_IN.find((one) => one.name === option)
  if (codec === undefined) {
    throw new StorageError('invalid', 'codec is json, structured or an object with name, id, encode and decode', {
      facts: { codec: String(option) },
    })
  }
  const isOwn = !BUILT_IN.includes(codec)
  if (isOwn && !(Number.isInteger(codec.id) && codec.id >= FIRST_OWN_ID && codec.id <= LAST_ID)) {
    throw new StorageError('invalid', `the id of a codec of your own is ${FIRST_OWN_ID} to ${LAST_ID}`, {
      facts: { codec: codec.name, id: codec.id },
    })
  }
  return { codec, codecs: new Map([...BUILT_IN, codec].map((one) => [one.id, one])) }
}

/** A top-level Uint8Array becomes its own bytes (not copied) whatever the codec; all else is the codec's business. */
export function encodeValue(codec: Codec, value: unknown): EncodedValue {
  const chosen = value instanceof Uint8Array ? bytesCodec : codec
  return { codec: chosen.id, bytes: chosen.encode(value) }
}

/** `unsupported` for an id that no codec has, `corrupt` for bytes that no encoder made. */
export function decodeValue(id: number, bytes: Uint8Array, codecs: Codecs): unknown {
  const codec = codecs.get(id)
  if (codec === undefined) {
    const known = [...codecs.values()].map((one) => `${one.id} ${one.name}`)
    throw new StorageError('unsupported', 'stored with a codec that was not given; pass it as the codec option', {
      facts: { codec: id, known },
    })
  }
  return codec.decode(bytes)
}
