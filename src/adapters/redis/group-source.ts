// What a group with an order by key reads. An entry that is no record is moved aside, as a native group does with what it
// took: else the group would meet it for ever.

import { isStorageError } from '../../core/base/errors.js'
import type { ReadOptions, RecordStream } from '../../core/ports/stream-broker.js'
import { textOf } from './connection.js'
import { type Entry, entriesOf, idOf, recordOf } from './entry.js'
import { moveAside } from './group.js'
import type { StreamCore } from './stream-core.js'

const PAGE = 500

export function groupSource(core: StreamCore, stream: RecordStream): Pick<RecordStream, 'read' | 'bounds' | 'listen'> {
  return {
    bounds: () => stream.bounds(),
    listen: (wake) => stream.listen(wake),
    read: async (options) => {
      for (;;) {
        try {
          return await stream.read(options)
        } catch (error) {
          if (!isStorageError(error, 'corrupt') || !(await moveFirstAside(core, options.from))) throw error
        }
      }
    },
  }
}

/** False where all are records. */
async function moveFirstAside(core: StreamCore, from: ReadOptions['from']): Promise<boolean> {
  const { connection, keys } = core
  for (let start = typeof from === 'number' ? idOf(from) : '-'; ; ) {
    const entries = entriesOf(await connection.command(['XRANGE', keys.stream, start, '+', 'COUNT', PAGE], 'read'))
    for (const entry of entries) {
      const reason = whyNoRecord(entry)
      if (reason === undefined) continue
      await moveAside(core, textOf(entry[0]), reason)
      return true
    }
    const last = entries[entries.length - 1]
    if (last === undefined || entries.length < PAGE) return false
    start = `(${textOf(last[0])}`
  }
}

function whyNoRecord(entry: Entry): string | undefined {
  try {
    recordOf(entry)
    return undefined
  } catch (error) {
    if (!isStorageError(error, 'corrupt')) throw error
    return error.message
  }
}
