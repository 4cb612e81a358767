// What everybody appends: a key, a JSON value of 1 KiB, one header. Made before the clock runs; encoding is measured.

const VALUE_BYTES = 1024
const KEYS = 64

/** `count` different records. */
export function makeRecords(count) {
  return Array.from({ length: count }, (_, index) => ({
    key: `customer-${index % KEYS}`,
    value: makeValue(index),
    headers: { trace: `00-${String(index).padStart(12, '0')}` },
  }))
}

function makeValue(index) {
  const value = {
    id: index,
    customer: `customer-${index % KEYS}`,
    at: 1_767_225_600_000 + index,
    paid: index % 3 === 0,
    lines: [
      { item: 'book', count: 1 + (index % 7), price: 12.5 },
      { item: 'lamp', count: 2, price: 49.9 },
    ],
    note: '',
  }
  value.note = 'the quick brown fox jumps over the lazy dog, '.repeat(24).slice(0, VALUE_BYTES - JSON.stringify(value).length)
  return value
}

/** How a peer encodes: one JSON text a record, one conversion to bytes a write. */
export function encodeText(records) {
  let text = ''
  for (const record of records) text += `${JSON.stringify(record)}\n`
  return text
}
