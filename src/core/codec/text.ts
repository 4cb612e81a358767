import { fromUtf8, utf8 } from '../base/bytes.js'
import { StorageError } from '../base/errors.js'
import type { Codec } from './codec.js'

/**
 * A string as its UTF-8 bytes. `encode` throws `invalid` for anything but a string, and for half of a surrogate pair, which
 * UTF-8 has no bytes for; `decode` `corrupt` for bytes that are no UTF-8.
 */
export const textCodec: Codec = {
  name: 'text',
  id: 14,
  encode(value) {
    if (typeof value !== 'string') throw refuse('$', `is ${value === null ? 'null' : `a ${typeof value}`}, not text`)
    const half = loneSurrogate(value)
    if (half >= 0) throw refuse(`$[${half}]`, 'is half of a surrogate pair, which UTF-8 cannot keep')
    return utf8(value)
  },
  decode: fromUtf8,
}

const LONE = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/

/** Its index, or -1. */
function loneSurrogate(text: string): number {
  return text.search(LONE)
}

function refuse(path: string, reason: string): StorageError {
  return new StorageError('invalid', `${path} ${reason}`, { facts: { path } })
}
