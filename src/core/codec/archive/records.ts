// Records of one bucket in a section: bucket and count, offset and timestamp of the first, then the records as in a compacted
// frame, each behind its offset less that of the first.

import { getU64, setU64, viewOf } from '../../base/bytes.js'
import { StorageError } from '../../base/errors.js'
import type { StreamRecord } from '../../ports/stream-broker.js'
import { RecordWriter } from '../record-writer.js'
import { readRecords } from '../records.js'
import { varintLength, writeVarint } from '../varint.js'

const HEAD_BYTES = 24

export interface ArchivedRecords {
  readonly bucket: number
  /** One at least; ascending by offset. */
  readonly records: readonly StreamRecord[]
}

export function encodeRecords({ bucket, records }: ArchivedRecords): Uint8Array {
  const { offset, timestamp } = records[0] as StreamRecord
  const writer = new RecordWriter(new Uint8Array(HEAD_BYTES))
  writer.skip(HEAD_BYTES)
  for (const record of records) {
    const [at, delta] = [writer.at, record.offset - offset]
    writer.skip(varintLength(delta))
    writeVarint(writer.bytes, at, delta)
    writer.record(record, record.timestamp - timestamp)
  }
  const bytes = writer.bytes.subarray(0, writer.at)
  const view = viewOf(bytes)
  view.setUint32(0, bucket, true)
  view.setUint32(4, records.length, true)
  setU64(view, 8, offset)
  setU64(view, 16, timestamp)
  return bytes
}

export function decodeRecords(body: Uint8Array): ArchivedRecords {
  if (body.length < HEAD_BYTES) throw damaged()
  const view = viewOf(body)
  const [bucket, count] = [view.getUint32(0, true), view.getUint32(4, true)]
  const header = { baseOffset: getU64(view, 8), timestamp: getU64(view, 16), count, isCompacted: true }
  if (header.baseOffset > Number.MAX_SAFE_INTEGER || header.timestamp > Number.MAX_SAFE_INTEGER || count === 0) throw damaged()
  const records = readRecords(body.subarray(HEAD_BYTES), header, 0, count)
  let last = -1
  for (const { offset, timestamp } of records) {
    if (offset <= last || !Number.isSafeInteger(offset) || !Number.isSafeInteger(timestamp) || timestamp < 0) throw damaged()
    last = offset
  }
  return { bucket, records }
}

function damaged(): StorageError {
  return new StorageError('corrupt', 'a section of the archive does not hold records')
}
