import { StorageError } from '../base/errors.js'
import type { Codec } from './codec.js'

/** A Uint8Array as it is. Chosen by itself for every value that is one, whatever codec was asked for. */
export const bytesCodec: Codec = {
  name: 'bytes',
  id: 0,
  encode(value) {
    if (value instanceof Uint8Array) return value
    throw new StorageError('invalid', '$ is not a Uint8Array', { facts: { path: '$', type: typeof value } })
  },
  decode: (bytes) => bytes.slice(),
}
