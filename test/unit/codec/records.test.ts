import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { FrameHeader } from '../../../dist/core/codec/frame.js'
import { RecordWriter } from '../../../dist/core/codec/record-writer.js'
import { RecordReader, readRecords } from '../../../dist/core/codec/records.js'
import type { RawRecord } from '../../../dist/core/ports/stream-broker.js'

const header = { baseOffset: 40, timestamp: 7, count: 1 } as FrameHeader

function encode(record: RawRecord): Uint8Array {
  const writer = new RecordWriter(new Uint8Array(0))
  writer.record(record)
  return writer.bytes.subarray(0, writer.at)
}

test('a schema version lies behind the headers, and its attribute says that it is there', () => {
  const without = encode({ value: Uint8Array.of(9), codec: 1 })
  const versioned = encode({ value: Uint8Array.of(9), codec: 1, schema: 300 })
  expect([...without]).toEqual([6, 0x01, 0, 0, 2, 9, 0])
  expect([...versioned]).toEqual([8, 0x11, 0, 0, 2, 9, 0, 0xac, 0x02])
  expect(readRecords(versioned, header, 0, 1)).toMatchObject([{ offset: 40, codec: 1, schema: 300 }])
  expect(readRecords(without, header, 0, 1)[0]?.schema).toBeUndefined()
})

test('an attribute that this version does not know is unsupported, and the offset is named', () => {
  for (const unknown of [0x20, 0x40, 0x80]) {
    const bytes = encode({ value: Uint8Array.of(9), codec: 1 })
    bytes[1] = (bytes[1] as number) | unknown
    expect(() => readRecords(bytes, header, 0, 1)).toThrow(
      expect.objectContaining({ code: 'unsupported', facts: { offset: 40, attributes: 0x01 | unknown } }),
    )
  }
})

test('a record that ends before its schema version is corrupt', () => {
  const bytes = encode({ value: Uint8Array.of(9), codec: 1 })
  bytes[1] = 0x11
  expect(() => readRecords(bytes, header, 0, 1)).toThrow(expect.objectContaining({ code: 'corrupt' }))
})

test('text is stored as its UTF-8 bytes, whatever its length in them', () => {
  const units = ['x', 'é', '€', '😀', '\ud800']
  const lengths = [0, 1, 20, 41, 42, 43, 48, 49, 63, 64, 125, 126, 127, 128, 5_461, 5_462, 16_382, 16_383, 16_384]
  const texts = units.flatMap((unit) => lengths.map((length) => unit.repeat(length)))
  for (const text of texts) {
    const bytes = new TextEncoder().encode(text)
    const asText = encode({ key: text, value: text, headers: [[text, text]], codec: 1, schema: 3 })
    const asBytes = encode({ key: bytes, value: bytes, headers: [[text, bytes]], codec: 1, schema: 3 })
    expect(Buffer.compare(asText, asBytes)).toBe(0)
    expect(Buffer.compare(readRecords(asText, header, 0, 1)[0]?.value as Uint8Array, bytes)).toBe(0)
  }
})

test('records follow one another, whatever was in the memory before', () => {
  const record = { key: 'ключ', value: '€'.repeat(60), headers: [['h', 'x']] as const, codec: 1 }
  const writer = new RecordWriter(new Uint8Array(64).fill(0xff))
  writer.skip(3)
  for (let i = 0; i < 40; i++) writer.record(record)
  const end = writer.at
  writer.padTo(end + 5)
  expect(writer.bytes.subarray(end, writer.at)).toEqual(new Uint8Array(5))
  const read = readRecords(writer.bytes.subarray(3, end), { ...header, count: 40 }, 0, 100)
  expect(read.map(({ offset }) => offset)).toEqual(Array.from({ length: 40 }, (_, index) => 40 + index))
  for (const { key, value } of read)
    expect([`${Buffer.from(key ?? [])}`, `${Buffer.from(value ?? [])}`]).toEqual([record.key, record.value])
})

test('a reader gives the same wherever it read before, also after an error', () => {
  const records = Array.from({ length: 30 }, (_, index) => encode({ value: Uint8Array.of(index), codec: 1 }))
  const plain = { ...header, count: records.length }
  const compacted = { ...plain, isCompacted: true }
  const damaged = [...records.slice(0, 29), Uint8Array.of(100)]
  const frames: [Uint8Array, FrameHeader][] = [
    [Buffer.concat(records), plain],
    [Buffer.concat(records.flatMap((record, index) => [Uint8Array.of(index * 3), record])), compacted],
    [Buffer.concat(damaged), plain],
  ]
  const outcome = (read: () => unknown) => {
    try {
      return read()
    } catch (error) {
      return (error as { readonly code: string }).code
    }
  }
  const reads = fc.array(fc.tuple(fc.integer({ min: 35, max: 135 }), fc.integer({ min: 1, max: 40 })), { maxLength: 12 })
  fc.assert(
    fc.property(fc.constantFrom(...frames), reads, ([body, frame], order) => {
      const reader = new RecordReader(body, frame)
      for (const [from, limit] of order) {
        expect(outcome(() => reader.read(from, limit))).toEqual(outcome(() => readRecords(body, frame, from, limit)))
      }
    }),
  )
})
