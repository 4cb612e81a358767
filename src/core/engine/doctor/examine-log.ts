// One log, whatever it lies on: looked at, and made whole.

import type { Clock } from '../../base/clock.js'
import type { BlobStore } from '../../ports/blob-store.js'
import type { FileStore } from '../../ports/file-store.js'
import type { StreamFormat } from '../../ports/stream-broker.js'
import { loadFormat } from '../load-format.js'
import type { Anomaly, Notice } from './anomaly.js'
import { type ChunkLogExamination, examineChunkLog } from './examine-chunk-log.js'
import { examineFileLog, type LogExamination } from './examine-file-log.js'
import { examineGroups, type GroupsExamination } from './examine-groups.js'
import type { FileLogPlace } from './file-log-place.js'
import { examineHistory, repairHistory } from './mend-history.js'
import type { Quarantine } from './quarantine.js'
import { repairChunkLog } from './repair-chunk-log.js'
import { endOf, repairFileLog } from './repair-file-log.js'
import { repairGroups } from './repair-groups.js'
import { bringBack, readTornTails, type SalvageAccess } from './salvage-file-log.js'

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

export interface RepairOptions {
  /** Takes a copy of what is replaced or removed. */
  readonly quarantine?: Quarantine | undefined
  /** Records of torn tails are appended again. */
  readonly salvage?: SalvageAccess | undefined
}

/** What was found, and how to repair it. */
export interface ExaminedLog {
  readonly anomalies: readonly Anomaly[]
  readonly notices: readonly Notice[]
  readonly records: number
  readonly bytes: number
  /** Resolves to the number of records that were brought back. */
  repair(options: RepairOptions): Promise<number>
}

export async function examineLog(place: LogPlace): Promise<ExaminedLog> {
  const { files } = place
  const groups = await examineGroups(place)
  const history = await examineHistory(place)
  if (files === undefined) {
    const found = await examineChunkLog(place)
    return {
      ...withOthers(found, [groups.anomalies, history]),
      notices: [],
      repair: ({ quarantine }) => mendChunks(place, { found, groups }, quarantine),
    }
  }
  const filePlace = { ...place, files, format: await loadFormat(place.format) }
  const found = await examineFileLog(filePlace)
  return {
    ...withOthers(found, [groups.anomalies, history]),
    notices: found.notices,
    repair: (options) => mend(filePlace, { found, groups }, options),
  }
}

interface Found<Examination> {
  readonly found: Examination
  readonly groups: GroupsExamination
}

function withOthers(
  found: Pick<ExaminedLog, 'anomalies' | 'records' | 'bytes'>,
  others: readonly (readonly Anomaly[])[],
): Omit<ExaminedLog, 'notices' | 'repair'> {
  const { anomalies, records, bytes } = found
  return { anomalies: [...anomalies, ...others.flat()], records, bytes }
}

async function mendChunks(place: LogPlace, { found, groups }: Found<ChunkLogExamination>, quarantine?: Quarantine): Promise<number> {
  if (found.anomalies.length > 0) await repairChunkLog(place, found, quarantine)
  const { manifest, chunks } = found
  await repairGroups(place, groups, { first: manifest.first ?? 0, next: chunks.end.next }, quarantine)
  await repairHistory(place, quarantine)
  return 0
}

async function mend(place: FileLogPlace, { found, groups }: Found<LogExamination>, options: RepairOptions): Promise<number> {
  const { quarantine, salvage } = options
  const tails = salvage === undefined ? [] : await readTornTails(place, found.manifest)
  if (found.anomalies.length > 0) await repairFileLog(place, found, quarantine)
  const { manifest, segments } = found
  await repairGroups(place, groups, { first: manifest.first ?? 0, next: endOf(manifest.segments, segments) }, quarantine)
  await repairHistory(place, quarantine)
  return salvage === undefined || tails.length === 0 ? 0 : bringBack(place, tails, { ...salvage, quarantine })
}
