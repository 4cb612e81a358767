// The codecs that not every program needs, loaded when one of them is chosen or first met in stored data.

import { isStorageError, StorageError } from '../base/errors.js'
import { bytesCodec } from './bytes.js'
import type { Codec } from './codec.js'
import { ndjsonCodec } from './ndjson.js'
import { structuredCodec } from './structured.js'
import { textCodec } from './text.js'

const CODECS: readonly Codec[] = [structuredCodec, textCodec, ndjsonCodec, bytesCodec]
const FIRST_OWN_ID = 3
const LAST_OWN_ID = 13

/** `invalid` for another name. */
export function codecNamed(name: unknown): Codec {
  const codec = CODECS.find((one) => one.name === name)
  if (codec !== undefined) return codec
  throw new StorageError('invalid', 'codec is json, structured, text, ndjson, bytes or an object with name, id, encode and decode', {
    facts: { codec: String(name) },
  })
}

/** undefined for another id. */
export function codecWithId(id: number): Codec | undefined {
  return CODECS.find((codec) => codec.id === id)
}

/** A codec of the user's, whose own errors become `invalid` where it encodes and `corrupt` where it decodes. */
export function ownCodec(codec: Codec): Codec {
  const { name, id } = codec
  if (!Number.isInteger(id) || id < FIRST_OWN_ID || id > LAST_OWN_ID) {
    throw new StorageError('invalid', `the id of a codec of your own is ${FIRST_OWN_ID} to ${LAST_OWN_ID}`, { facts: { codec: name, id } })
  }
  const attempt = <T>(code: 'invalid' | 'corrupt', run: () => T): T => {
    try {
      return run()
    } catch (cause) {
      if (isStorageError(cause)) throw cause
      const message = code === 'invalid' ? 'the codec refuses a value' : 'the codec cannot read what is stored'
      throw new StorageError(code, message, { cause, facts: { codec: name, id } })
    }
  }
  return {
    name,
    id,
    encode: (value) => attempt('invalid', () => codec.encode(value)),
    decode: (bytes) => attempt('corrupt', () => codec.decode(bytes)),
  }
}
