import { fromUtf8, utf8 } from '../base/bytes.js'
import { StorageError } from '../base/errors.js'
import type { Codec } from './codec.js'
import { checkJson } from './json.js'
import { isPlainArray } from './value-kind.js'

/**
 * An array of JSON values, each on a line that ends with `\n`, so that other programs read it line by line. `encode` throws
 * `invalid` for anything but an array, and for what JSON would change, as `json` does; `decode` `corrupt`, with the line,
 * for what is not JSON or does not end where a line does.
 */
export const ndjsonCodec: Codec = {
  name: 'ndjson',
  id: 15,
  encode(value) {
    if (!Array.isArray(value) || !isPlainArray(value)) {
      throw new StorageError('invalid', '$ is not an array, whose items would be the lines', { facts: { path: '$' } })
    }
    checkJson(value)
    return utf8(linesOf(value))
  },
  decode(bytes) {
    const text = fromUtf8(bytes)
    if (text === '') return []
    if (!text.endsWith('\n'))
      throw new StorageError('corrupt', 'stored lines do not end with a line feed', { facts: { bytes: bytes.length } })
    return text.slice(0, -1).split('\n').map(parseLine)
  },
}

function linesOf(items: readonly unknown[]): string {
  try {
    return items.map((item) => `${JSON.stringify(item)}\n`).join('')
  } catch (cause) {
    throw new StorageError('invalid', '$ is too large for one text', { cause, facts: { path: '$' } })
  }
}

function parseLine(line: string, index: number): unknown {
  try {
    return JSON.parse(line) as unknown
  } catch (cause) {
    throw new StorageError('corrupt', 'a stored line is not JSON', { cause, facts: { line: index + 1 } })
  }
}
