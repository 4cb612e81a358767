// Everything that the queues of a store are made of, looked at log by log, and how each could be repaired.

import { isStorageError, StorageError } from '../base/errors.js'
import { unescapeName } from '../base/key.js'
import { contextOf } from '../derived/resolve.js'
import type { Store, StoreContext } from '../derived/store-context.js'
import { openStreams } from '../derived/streams-over-journals.js'
import { CATALOGUE_PREFIX, findQueue, type QueueEntry } from '../engine/catalogue.js'
import type { Anomaly } from '../engine/doctor/anomaly.js'
import { type ExaminedLog, examineLog, type LogPlace, type RepairOptions } from '../engine/doctor/examine-log.js'
import { marksThatFail } from '../engine/doctor/examine-marks.js'
import { copyAside, copyBlobAside, type Quarantine } from '../engine/doctor/quarantine.js'
import { marksPrefix } from '../engine/marks-prefix.js'
import type { Backend } from '../ports/backend.js'
import type { StreamBroker } from '../ports/stream-broker.js'
import type { ScanOptions, ScanReport, StoreAnomaly, StoreNotice } from './scan-report.js'

type Repair = (options: RepairOptions) => Promise<number>

/** What was found, and what repairs it. */
export interface StoreExamination {
  readonly backend: string
  readonly anomalies: readonly StoreAnomaly[]
  readonly notices: readonly StoreNotice[]
  readonly scanned: ScanReport['scanned']
  /** Each resolves to the number of records that it brought back. */
  readonly repairs: readonly Repair[]
}

export function reportOf({ backend, anomalies, notices, scanned }: StoreExamination): ScanReport {
  const lostRecords = anomalies.reduce((sum, anomaly) => sum + lostIn(anomaly), 0)
  return { backend, healthy: anomalies.length === 0, anomalies, lostRecords, notices, scanned }
}

function lostIn({ firstOffset, lastOffset }: Anomaly): number {
  return firstOffset === undefined || lastOffset === undefined ? 0 : lastOffset - firstOffset + 1
}

export async function examineStore(source: Store | Backend, options: ScanOptions): Promise<StoreExamination> {
  const context = contextOf(source)
  context.checkOpen('scan')
  const { entries, damaged } = await readCatalogue(context, options.queue)
  if (options.queue !== undefined && entries.length + damaged.length === 0)
    throw new StorageError('missing', 'there is no such queue', { operation: 'scan', facts: { queue: options.queue } })
  const anomalies: StoreAnomaly[] = damaged.map(damagedEntry)
  const notices: StoreNotice[] = []
  const repairs: Repair[] = []
  const scanned = { queues: entries.length, records: 0, bytes: 0 }
  for (const { queue, entry } of entries) {
    for (let bucket = 0; bucket < entry.buckets; bucket++) {
      options.signal?.throwIfAborted()
      const path = `${entry.incarnation}/${bucket}`
      const found = await examineBucket(context, { path, format: entry.frames }, (bytes) => {
        scanned.bytes += bytes
        options.progress?.({ queue, bucket, bytes: scanned.bytes })
      })
      scanned.records += found.records
      anomalies.push(...found.anomalies.map((anomaly) => ({ ...anomaly, queue, bucket })))
      notices.push(...found.notices.map((notice) => ({ ...notice, queue, bucket })))
      if (found.anomalies.length + found.notices.length > 0) repairs.push(found.repair)
    }
    for (const key of await damagedMarksOf(context, entry)) {
      anomalies.push(damagedMarks(queue, key))
      repairs.push(({ quarantine }) => removeBlob(context, key, quarantine))
    }
  }
  // An entry that cannot be read may be the one that leads there.
  const strays = damaged.length > 0 || options.queue !== undefined ? [] : await strayLogs(context, entries)
  for (const path of strays) {
    anomalies.push({ kind: 'orphaned_file', path, detail: 'what a queue that was deleted left behind' })
    repairs.push(({ quarantine }) => removeAll(context, path, quarantine))
  }
  return { backend: context.backend.name, anomalies, notices, scanned, repairs }
}

async function examineBucket(
  context: StoreContext,
  { path, format }: Pick<LogPlace, 'path' | 'format'>,
  progress: (bytes: number) => void,
): Promise<ExaminedLog> {
  const { backend, clock, mode } = context
  const { files, blobs, locks, streams } = backend
  if (streams !== undefined) return examineNative(streams, path, progress)
  const isLive = mode === 'read' ? (await locks?.owner('store')) !== undefined : openStreams(context).includes(path)
  return examineLog({ files, format, blobs, clock, path, isLive, progress })
}

async function examineNative(streams: StreamBroker, path: string, progress: (bytes: number) => void): Promise<ExaminedLog> {
  const found = await streams.examine?.(path, progress)
  return {
    anomalies: found?.faults ?? [],
    notices: [],
    records: found?.records ?? 0,
    bytes: found?.bytes ?? 0,
    async repair() {
      await streams.repair?.(path)
      return 0
    },
  }
}

/** Keys of the marks of a queue that cannot be read. */
function damagedMarksOf({ backend, clock }: StoreContext, { incarnation }: QueueEntry): Promise<string[]> {
  return marksThatFail({ blobs: backend.blobs, clock, prefix: marksPrefix(incarnation) })
}

function damagedMarks(queue: string, path: string): StoreAnomaly {
  return { kind: 'damaged_marks', path, queue, detail: 'what a task has consumed cannot be read; without it the task begins anew' }
}

interface NamedEntry {
  readonly queue: string
  readonly entry: QueueEntry
}

async function readCatalogue(
  { backend }: StoreContext,
  only: string | undefined,
): Promise<{ readonly entries: readonly NamedEntry[]; readonly damaged: readonly string[] }> {
  const entries: NamedEntry[] = []
  const damaged: string[] = []
  for await (const { key } of backend.blobs.list({ prefix: CATALOGUE_PREFIX })) {
    const queue = unescapeName(key.slice(CATALOGUE_PREFIX.length))
    if (only !== undefined && queue !== only) continue
    const found = await findQueue(backend.blobs, queue).catch((error) => {
      if (!isStorageError(error, 'corrupt')) throw error
      damaged.push(key)
    })
    if (found !== undefined) entries.push({ queue, entry: found.entry })
  }
  return { entries, damaged }
}

function damagedEntry(path: string): StoreAnomaly {
  const queue = unescapeName(path.slice(CATALOGUE_PREFIX.length))
  return { kind: 'damaged_catalogue', path, queue, detail: 'what leads from the name of the queue to its log cannot be read' }
}

/** Logs that no entry of the catalogue leads to. */
async function strayLogs({ backend }: StoreContext, entries: readonly NamedEntry[]): Promise<string[]> {
  const known = new Set(entries.map(({ entry }) => entry.incarnation))
  const strays = new Set<string>()
  const note = (path: string): void => {
    const incarnation = path.split('/', 2).join('/')
    if (!known.has(incarnation)) strays.add(incarnation)
  }
  for await (const { key } of backend.blobs.list({ prefix: 'log/' })) note(key)
  for await (const { path } of backend.files?.list('log/') ?? []) note(path)
  return [...strays]
}

async function removeBlob({ backend }: StoreContext, key: string, quarantine: Quarantine | undefined): Promise<number> {
  if (quarantine !== undefined) await copyBlobAside(backend.blobs, key, quarantine)
  await backend.blobs.delete([key])
  return 0
}

async function removeAll({ backend }: StoreContext, path: string, quarantine: Quarantine | undefined): Promise<number> {
  const { files, blobs } = backend
  for await (const file of files?.list(`${path}/`) ?? []) {
    if (files !== undefined && quarantine !== undefined) await copyAside(files, file.path, quarantine)
    await files?.delete(file.path)
  }
  const keys: string[] = []
  for await (const { key } of blobs.list({ prefix: `${path}/` })) {
    if (quarantine !== undefined) await copyBlobAside(blobs, key, quarantine)
    keys.push(key)
  }
  if (keys.length > 0) await blobs.delete(keys)
  return 0
}
