// Which codec writes a value, and which one reads it back: by the id that was stored with it. The structured codec is
// loaded when it is chosen or first met in stored data.

import { StorageError } from '../base/errors.js'
import { loadPart } from '../base/load-part.js'
import { bytesCodec } from './bytes.js'
import type { Codec } from './codec.js'
import { jsonCodec } from './json.js'

/** A built-in codec by name, or one of the user's own (id 3-15, for ever the same). */
export type CodecOption = 'json' | 'structured' | Codec

export interface EncodedValue {
  /** Id of the codec that made the bytes. */
  readonly codec: number
  readonly bytes: Uint8Array
}

const STRUCTURED_ID = 2
const FIRST_OWN_ID = 3
const LAST_ID = 15

/** By id. The codec is kept, not the promise of it: where promises belong to a request, another one could not wait for it. */
const builtIn: Codec[] = [bytesCodec, jsonCodec]

/** Resolves the `codec` option; `invalid` for an unknown name or an id that is taken, `unavailable` where it cannot be loaded. */
export async function chooseCodec(option: CodecOption = 'json'): Promise<Codec> {
  if (typeof option === 'object' && option !== null) return checkOwn(option)
  if (option === 'structured') return await loadStructured()
  if (option === 'json') return jsonCodec
  throw new StorageError('invalid', 'codec is json, structured or an object with name, id, encode and decode', {
    facts: { codec: String(option) },
  })
}

function checkOwn(codec: Codec): Codec {
  if (Number.isInteger(codec.id) && codec.id >= FIRST_OWN_ID && codec.id <= LAST_ID) return codec
  throw new StorageError('invalid', `the id of a codec of your own is ${FIRST_OWN_ID} to ${LAST_ID}`, {
    facts: { codec: codec.name, id: codec.id },
  })
}

/** A top-level Uint8Array becomes its own bytes (not copied) whatever the codec; all else is the codec's business. */
export function encodeValue(codec: Codec, value: unknown): EncodedValue {
  const chosen = value instanceof Uint8Array ? bytesCodec : codec
  return { codec: chosen.id, bytes: chosen.encode(value) }
}

/** Loads what reads values with these ids; has to resolve before `decodeValue` gets one of them. `unavailable` as `chooseCodec`. */
export async function readyToDecode(ids: readonly number[]): Promise<void> {
  if (builtIn[STRUCTURED_ID] === undefined && ids.includes(STRUCTURED_ID)) await loadStructured()
}

/**
 * Reads with the built-in codecs and the `chosen` one. `unsupported` for an id that none of them has, `corrupt` for bytes
 * that no encoder made.
 */
export function decodeValue(id: number, bytes: Uint8Array, chosen: Codec): unknown {
  const codec = id === chosen.id ? chosen : builtIn[id]
  if (codec !== undefined) return codec.decode(bytes)
  throw new StorageError('unsupported', 'stored with a codec that was not given; pass it as the codec option', {
    facts: { codec: id, chosen: `${chosen.id} ${chosen.name}` },
  })
}

async function loadStructured(): Promise<Codec> {
  const { structuredCodec } = await loadPart('the structured codec', () => import('./structured.js'))
  builtIn[STRUCTURED_ID] = structuredCodec
  return structuredCodec
}
