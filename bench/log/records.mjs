// The payload as each kind of peer stores it. What stores only bytes gets the JSON of the whole record, made within the measured
// time; or, where values are bytes already, one piece that was made before the clock ran.

import { makeRecords } from '../payload.mjs'

/** `format` is `json` or `bytes`. */
export function logRecords(format, count) {
  const records = makeRecords(count)
  return format === 'json' ? records : records.map(withBytes)
}

function withBytes({ key, value, headers }) {
  const bytes = Buffer.from(JSON.stringify(value))
  return { key, value: bytes, headers, packed: Buffer.concat([Buffer.from(key), Buffer.from(headers.trace), bytes]) }
}

/** A whole record as bytes. */
export function pack(record) {
  return record.packed ?? Buffer.from(JSON.stringify(record))
}

/** A value for peers that keep keys and headers beside it. */
export function packValue({ value, packed }) {
  return packed === undefined ? JSON.stringify(value) : value
}

/** What a reader does with what was stored: parses it, or leaves it as it is. */
export function unpacker(format) {
  return format === 'json' ? (stored) => JSON.parse(stored) : (stored) => stored
}
