// The bytes of the structured codec, version 1: a version byte, then one tagged value. Lengths and counts are varints,
// numbers that are not small integers are little-endian doubles. Every object gets a number in the order in which it
// begins; `reference` names an earlier one, so shared references and cycles come back as they were.

export const STRUCTURED_VERSION = 1

export const TAG = {
  undefined: 0,
  null: 1,
  false: 2,
  true: 3,
  /** varint */
  positive: 4,
  /** varint of the negated number, at least 1 */
  negative: 5,
  /** 8 bytes */
  double: 6,
  /** byte length, UTF-8 */
  text: 7,
  /** count of units, 2 bytes each: strings with lone surrogates */
  units: 8,
  /** byte length, magnitude big-endian */
  bigint: 9,
  negativeBigint: 10,
  /** count, then (text, value) each */
  object: 11,
  /** the same without a prototype */
  dictionary: 12,
  /** length, values */
  array: 13,
  /** length, count, then (text, value) each: holes and named properties */
  sparseArray: 14,
  /** double, NaN for an invalid date */
  date: 15,
  /** text source, text flags */
  regExp: 16,
  /** count, then (key, value) each */
  map: 17,
  /** count, values */
  set: 18,
  /** byte length, bytes */
  buffer: 19,
  /** kind, byte length, bytes: the view's own bytes, never the rest of its buffer */
  view: 20,
  /** text class, count, then (text, value) each: message, stack and other own properties */
  error: 21,
  /** number of an earlier object */
  reference: 22,
} as const

/** Byte views by their kind in the format; the numbers are for ever. */
export const VIEW_KINDS = [
  'DataView',
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
  'Float16Array',
] as const

/** Errors that come back as their own class; others come back as Error with their name. */
export const ERROR_CLASSES = [
  'Error',
  'EvalError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'TypeError',
  'URIError',
  'AggregateError',
] as const

/** Own properties of an error that JavaScript hides from enumeration. */
export const HIDDEN_ERROR_PROPERTIES: readonly string[] = ['message', 'stack', 'cause', 'errors']
