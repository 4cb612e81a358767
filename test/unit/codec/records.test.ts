import { expect, test } from 'vitest'
import type { FrameHeader } from '../../../dist/core/codec/frame.js'
import { readRecords, sizeRecord, storedRecordBytes, writeRecord } from '../../../dist/core/codec/records.js'
import type { RawRecord } from '../../../dist/core/ports/stream-broker.js'

const header = { baseOffset: 40, timestamp: 7, count: 1 } as FrameHeader

function encode(record: RawRecord): Uint8Array {
  const sized = sizeRecord(record)
  const bytes = new Uint8Array(storedRecordBytes(sized))
  expect(writeRecord(bytes, 0, sized)).toBe(bytes.length)
  return bytes
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
