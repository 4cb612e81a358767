// Which codec writes a value, and which one reads it back: by the id that was stored with it. All but bytes and
// JSON are loaded when they are chosen or first met in stored data.

import { StorageError } from '../base/errors.js'
import { loadPart } from '../base/load-part.js'
import { bytesCodec } from './bytes.js'
import type { Codec } from './codec.js'
import { jsonCodec } from './json.js'

/**
 * A built-in codec by name, or one of your own (id 3-13, for ever the same). `json` refuses what JSON would change,
 * `structured` keeps it; `text` takes strings, `ndjson` arrays of JSON values, `bytes` Uint8Arrays and nothing else.
 */
export type CodecOption = BuiltInCodec | Codec
export type BuiltInCodec = 'json' | 'structured' | 'text' | 'ndjson' | 'bytes'

export interface EncodedValue {
  /** Id of the codec that made the bytes. */
  readonly codec: number
  readonly bytes: Uint8Array
}

/** By id. The codecs are kept, not the promise of them: where promises belong to a request, another one could not wait for it. */
const builtIn: (Codec | undefined)[] = [bytesCodec, jsonCodec]

/** Resolves the `codec` option; `invalid` for an unknown name or an id that is taken, `unavailable` where it cannot be loaded. */
export async function chooseCodec(option: CodecOption = 'json'): Promise<Codec> {
  if (option === 'json') return jsonCodec
  const { codecNamed, ownCodec } = await loadMore()
  return typeof option === 'object' && option !== null ? ownCodec(option) : keep(codecNamed(option))
}

function loadMore(): Promise<typeof import('./more-codecs.js')> {
  return loadPart('the codecs', () => import('./more-codecs.js'))
}

function keep(codec: Codec): Codec {
  builtIn[codec.id] = codec
  return codec
}

/** A top-level Uint8Array becomes its own bytes (not copied) whatever the codec; all else is the codec's business. */
export function encodeValue(codec: Codec, value: unknown): EncodedValue {
  const chosen = value instanceof Uint8Array ? bytesCodec : codec
  return { codec: chosen.id, bytes: chosen.encode(value) }
}

/** Loads what reads values with these ids; has to resolve before `decodeValue` gets one of them. `unavailable` as `chooseCodec`. */
export async function readyToDecode(ids: readonly number[]): Promise<void> {
  for (const id of ids) {
    if (builtIn[id] !== undefined) continue
    const codec = (await loadMore()).codecWithId(id)
    if (codec !== undefined) keep(codec)
  }
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
