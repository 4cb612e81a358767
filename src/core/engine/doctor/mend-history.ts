// What is known of ids and producers: the cell beside a log that keeps it, looked at and made again from the records.

import type { Clock } from '../../base/clock.js'
import { isStorageError } from '../../base/errors.js'
import type { BlobStore } from '../../ports/blob-store.js'
import { AppendTable, type StoredTable } from '../append-table.js'
import { Cell } from '../cell.js'
import { historyKey } from '../journal.js'
import type { Anomaly } from './anomaly.js'
import { copyBlobAside, type Quarantine } from './quarantine.js'

export interface HistoryPlace {
  readonly blobs: BlobStore
  readonly clock: Clock
  /** Prefix of the log. */
  readonly path: string
}

export async function examineHistory(place: HistoryPlace): Promise<readonly Anomaly[]> {
  if (await isReadable(place)) return []
  const detail = 'what ids and producers said cannot be read; the records that are there say their part again'
  return [{ kind: 'damaged_history', path: historyKey(place.path), detail }]
}

/** An empty one that covers no record: all that are there are read again. */
export async function repairHistory(place: HistoryPlace, quarantine?: Quarantine): Promise<void> {
  const { blobs, clock, path } = place
  const key = historyKey(path)
  const blob = await blobs.get(key)
  if (await isReadable(place)) return // somebody was quicker
  if (quarantine !== undefined) await copyBlobAside(blobs, key, quarantine)
  const empty: StoredTable = { format: 1, epoch: 0, upTo: 0, producers: [], ids: [] }
  await new Cell<StoredTable>({ blobs, clock, key }).replace(empty, blob?.version, 'strict').catch((error) => {
    if (!isStorageError(error, 'conflict')) throw error
  })
}

async function isReadable({ blobs, clock, path }: HistoryPlace): Promise<boolean> {
  try {
    const { value } = await new Cell<StoredTable>({ blobs, clock, key: historyKey(path) }).read()
    if (value !== undefined) AppendTable.from(value, { ms: 1, ids: 1 })
    return true
  } catch (error) {
    if (!isStorageError(error, 'corrupt')) throw error
    return false
  }
}
