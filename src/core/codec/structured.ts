import type { Codec } from './codec.js'
import { decodeStructured } from './structured-decode.js'
import { encodeStructured } from './structured-encode.js'

/**
 * Keeps what JSON cannot: Date, Map, Set, bigint, undefined, NaN, infinities, -0, RegExp, ArrayBuffer and its views,
 * errors (class, name, message, stack, cause and other own properties), holes in arrays, shared references and cycles.
 * A view comes back over a buffer of its own; an error of an unknown class as Error with its name; a Buffer as Uint8Array.
 * `encode` throws `invalid`, with the path in the value, for functions, symbols, instances of other classes and values
 * more than 1000 levels deep. Decoding runs no code of the data's choosing.
 */
export const structuredCodec: Codec = {
  name: 'structured',
  id: 2,
  encode: encodeStructured,
  decode: decodeStructured,
}
