// Plain files: the limit.

import { join } from 'node:path'
import { murmur3 } from '../../../dist/core/codec/murmur3.js'
import { RawLog } from '../../raw-log.mjs'
import { pack } from '../records.mjs'

export async function open({ folder, format, sync, buckets }) {
  const encode = format === 'json' ? undefined : (records) => Buffer.concat(records.map(pack))
  const options = { isSynced: sync === 'always', ...(encode === undefined ? {} : { encode }) }
  const logs = Array.from({ length: buckets }, (_, index) => new RawLog(join(folder, `raw-${index}`), options))
  return {
    appendOne: (record) => logs[buckets === 1 ? 0 : murmur3(Buffer.from(record.key)) % buckets].append(record),
    /** Without the queue that several callers need. */
    appendAlone: (record) => logs[0].write([record]),
    appendBatch: (records) => logs[0].write(records),
    close: async () => {
      for (const log of logs) log.close()
    },
  }
}
