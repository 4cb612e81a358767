// One log, whatever it lies on: looked at, and made whole.

import type { Clock } from '../../base/clock.js'
import type { BlobStore } from '../../ports/blob-store.js'
import type { FileStore } from '../../ports/file-store.js'
import type { StreamFormat } from '../../ports/stream-broker.js'
import { loadFormat } from '../load-format.js'
import type { Anomaly } from './anomaly.js'
import { examineChunkLog } from './examine-chunk-log.js'
import { examineFileLog } from './examine-file-log.js'
import type { Quarantine } from './quarantine.js'
import { repairChunkLog } from './repair-chunk-log.js'
import { repairFileLog } from './repair-file-log.js'

export interface LogPlace {
  readonly format: StreamFormat | undefined
  /** undefined where the log is made of chunks. */
  readonly files: FileStore | undefined
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly path: string
  /** Of files: its owner may be writing. Chunks are always looked at as if somebody were. */
  readonly isLive: boolean
  readonly progress?: (bytes: number) => void
}

/** What was found, and how to repair it. */
export interface ExaminedLog {
  readonly anomalies: readonly Anomaly[]
  readonly records: number
  readonly bytes: number
  repair(quarantine?: Quarantine): Promise<void>
}

export async function examineLog(place: LogPlace): Promise<ExaminedLog> {
  const { files } = place
  if (files === undefined) {
    const found = await examineChunkLog(place)
    return { ...found, repair: (quarantine) => repairChunkLog(place, found, quarantine) }
  }
  const filePlace = { ...place, files, format: await loadFormat(place.format) }
  const found = await examineFileLog(filePlace)
  return { ...found, repair: (quarantine) => repairFileLog(filePlace, found, quarantine) }
}
