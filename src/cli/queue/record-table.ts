// Records as rows that are printed while they come: columns only grow.

import type { StoredRecord } from '../../core/features/queue/types.js'
import { formatCell, formatTime, GrowingTable } from '../output.js'

export function recordTable(): GrowingTable<StoredRecord<unknown>> {
  return new GrowingTable<StoredRecord<unknown>>([
    { title: 'bucket', cell: (record) => record.bucket },
    { title: 'offset', cell: (record) => record.offset },
    { title: 'time', cell: (record) => formatTime(record.timestamp) },
    { title: 'key', cell: (record) => (record.key === undefined ? '' : formatCell(record.key, 24)) },
    { title: 'value', cell: (record) => (record.value === undefined ? '(tombstone)' : formatCell(record.value)) },
  ])
}
