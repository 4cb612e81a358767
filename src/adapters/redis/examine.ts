// Looks at every entry of a stream: whether it is one of ours and can be read, and whether the bounds beside the stream fit
// it. Other clients can add entries, and a server that deletes data when it is full can take the bounds.

import { isStorageError } from '../../core/base/errors.js'
import type { StreamExamination, StreamFault } from '../../core/ports/stream-broker.js'
import { type Connection, type Reply, textOf } from './connection.js'
import { bytesOf, type Entry, entriesOf, offsetOfId, recordOf } from './entry.js'
import { moveAside } from './group.js'
import type { StreamKeys } from './stream-keys.js'
import { REBUILD } from './stream-scripts.js'

const PAGE = 500

interface Place {
  readonly connection: Connection
  readonly keys: StreamKeys
}

/** A fault, and the id of the entry that it is about. */
interface FoundFault extends StreamFault {
  readonly id?: string
}

interface Found {
  readonly faults: readonly FoundFault[]
  readonly records: number
  readonly bytes: number
}

export async function examineStream(place: Place, progress?: (bytes: number) => void): Promise<StreamExamination> {
  const { faults, records, bytes } = await look(place, progress)
  return { faults: faults.map(({ id: _, ...fault }) => fault), records, bytes }
}

/** Moves aside what is not ours or cannot be read, and makes lost bounds again from what is there. */
export async function repairStream(place: Place): Promise<void> {
  const { faults } = await look(place)
  for (const { id, detail } of faults) if (id !== undefined) await moveAside(place, id, detail)
  const { connection, keys } = place
  await connection.run(REBUILD, [keys.stream, keys.meta], [], 'recover')
}

async function look({ connection, keys }: Place, progress: (bytes: number) => void = () => {}): Promise<Found> {
  const [stored] = (await connection.command(['HMGET', keys.meta, 'next'], 'scan')) as readonly Reply[]
  const next = stored === null || stored === undefined ? undefined : Number(textOf(stored))
  const faults: FoundFault[] = []
  let records = 0
  let bytes = 0
  for (let from = '-'; ; ) {
    const entries = entriesOf(await connection.command(['XRANGE', keys.stream, from, '+', 'COUNT', PAGE], 'scan'))
    let pageBytes = 0
    for (const entry of entries) {
      const fault = faultOf(entry, next, keys.stream)
      if (fault === undefined) records++
      else faults.push(fault)
      pageBytes += bytesOf(entry)
    }
    bytes += pageBytes
    progress(pageBytes)
    const last = entries[entries.length - 1]
    if (last === undefined || entries.length < PAGE) break
    from = `(${textOf(last[0])}`
  }
  if (next === undefined && records > 0) {
    faults.push({
      kind: 'damaged_manifest',
      path: keys.meta,
      detail: 'the bounds of the stream are gone; they can be made again from its entries',
    })
  }
  return { faults, records, bytes }
}

function faultOf(entry: Entry, next: number | undefined, path: string): FoundFault | undefined {
  const id = textOf(entry[0])
  const offset = offsetOfId(entry[0])
  if (offset === undefined)
    return { kind: 'foreign_entry', path, id, detail: `another client added the entry ${id}: appends fail while it is there` }
  if (next !== undefined && offset >= next) {
    return {
      kind: 'foreign_entry',
      path,
      id,
      detail: `another client added the entry ${id}, past the end of the stream: appends fail while it is there`,
    }
  }
  try {
    recordOf(entry)
    return undefined
  } catch (error) {
    if (!isStorageError(error, 'corrupt')) throw error
    return { kind: 'corrupted_frame', path, id, firstOffset: offset, lastOffset: offset, detail: error.message }
  }
}
