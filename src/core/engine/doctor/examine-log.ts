// One log, whatever it lies on: looked at, and made whole.

import type { Clock } from '../../base/clock.js'
import type { BlobStore } from '../../ports/blob-store.js'
import type { FileStore } from '../../ports/file-store.js'
import { examineFileLog, type LogExamination } from './examine-file-log.js'
import { type Quarantine, repairFileLog } from './repair-file-log.js'

export interface LogPlace {
  /** undefined where the log is made of chunks. */
  readonly files: FileStore | undefined
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly path: string
  readonly isLive: boolean
  readonly progress?: (bytes: number) => void
}

const NOTHING: Omit<LogExamination, 'manifest'> = { anomalies: [], segments: [], leftovers: [], damagedGroups: [], records: 0, bytes: 0 }

/** What was found, and how to repair it. */
export interface ExaminedLog extends Pick<LogExamination, 'anomalies' | 'records' | 'bytes'> {
  repair(quarantine?: Quarantine): Promise<void>
}

export async function examineLog(place: LogPlace): Promise<ExaminedLog> {
  const { files } = place
  if (files === undefined) return { ...NOTHING, repair: () => Promise.resolve() }
  const filePlace = { ...place, files }
  const found = await examineFileLog(filePlace)
  return { ...found, repair: (quarantine) => repairFileLog(filePlace, found, quarantine) }
}
