// Looks at everything that belongs to one log of files, and changes nothing. Works beside a running owner: what it may be
// writing at the moment is no anomaly, and what it replaces meanwhile is looked for again.

import { utf8 } from '../../base/bytes.js'
import { isStorageError } from '../../base/errors.js'
import { murmur3 } from '../../codec/murmur3.js'
import { Cell } from '../cell.js'
import { EMPTY_MANIFEST, isSealed, type LogManifest, type SegmentEntry } from '../log-manifest.js'
import { type Anomaly, type AnomalyKind, damagedManifest, type Notice } from './anomaly.js'
import { examineSegment, type SegmentExamination } from './examine-segment.js'
import { type FileLogPlace, withFile } from './file-log-place.js'
import { rebuildManifest } from './rebuild-manifest.js'
import { isWrittenAgain, noticeTornTail } from './torn-tails.js'

export interface ExaminedSegment {
  readonly entry: SegmentEntry
  /** undefined where the file is not there. */
  readonly found: SegmentExamination | undefined
}

export interface LogExamination {
  readonly anomalies: readonly Anomaly[]
  readonly notices: readonly Notice[]
  readonly manifest: LogManifest
  readonly segments: readonly ExaminedSegment[]
  /** Paths that nothing points to. */
  readonly leftovers: readonly string[]
  readonly records: number
  readonly bytes: number
}

const MOST_TRIES = 5
/** What an owner that is writing right now looks like. */
const TORN: ReadonlySet<AnomalyKind> = new Set(['partial_write', 'truncated_line'])

export async function examineFileLog(place: FileLogPlace): Promise<LogExamination> {
  for (let attempt = 1; ; attempt++) {
    const known = await readManifest(place)
    const examination = await examine(place, known)
    // The owner may have dropped, replaced or begun a segment while this was looking.
    const isSame = !place.isLive || JSON.stringify(await readManifest(place)) === JSON.stringify(known)
    if (isSame || examination.anomalies.length === 0 || attempt === MOST_TRIES) return examination
  }
}

async function examine(place: FileLogPlace, known: LogManifest | 'damaged' | undefined): Promise<LogExamination> {
  const { path } = place
  const paths = await listed(place)
  const anomalies: Anomaly[] = []
  let manifest = known === 'damaged' || known === undefined ? EMPTY_MANIFEST : known
  if (known === 'damaged' || (known === undefined && paths.length > 0)) {
    manifest = await rebuildManifest(place, paths)
    const isNeeded = known === 'damaged' || manifest.segments.length > 0
    if (isNeeded) anomalies.push(damagedManifest(path, known === 'damaged' ? 'cannot be read' : 'is missing'))
  }
  const segments: ExaminedSegment[] = []
  for (const entry of manifest.segments) {
    const examined = await examineEntry(place, manifest, entry)
    anomalies.push(...examined.anomalies)
    segments.push(examined)
  }
  const named = new Set(manifest.segments.map(({ name }) => `${path}/seg/${name}`))
  // A running owner makes a file before its manifest names it.
  const leftovers = place.isLive ? [] : paths.filter((one) => !named.has(one))
  anomalies.push(...leftovers.map((one) => leftover(one)))
  const records = segments.reduce((sum, { found }) => sum + (found?.records ?? 0), 0)
  const bytes = segments.reduce((sum, { found }) => sum + (found?.end.length ?? 0), 0)
  const notices = await noticesOf(place, manifest)
  return { anomalies, notices, manifest, segments, leftovers, records, bytes }
}

async function noticesOf(place: FileLogPlace, manifest: LogManifest): Promise<Notice[]> {
  const notices: Notice[] = []
  for (const [index, entry] of manifest.segments.entries()) {
    if (!isSealed(entry) || isWrittenAgain(manifest, index)) continue
    const path = `${place.path}/seg/${entry.name}`
    const notice = await withFile(place.files, path, (source) => noticeTornTail(source, place.format, entry, path))
    if (notice !== undefined) notices.push(notice)
  }
  return notices
}

async function examineEntry(
  place: FileLogPlace,
  manifest: LogManifest,
  entry: SegmentEntry,
): Promise<ExaminedSegment & { readonly anomalies: readonly Anomaly[] }> {
  const path = `${place.path}/seg/${entry.name}`
  const bootId = (await place.files.bootId()) ?? null
  const durable = manifest.durable
  const found = await withFile(place.files, path, (source) =>
    examineSegment(source, { format: place.format, entry, path, place: murmur3(utf8(place.path)), durable, bootId }),
  )
  if (found === undefined) return { entry, found, anomalies: missingSegment(entry, path, durable) }
  place.progress?.(found.end.length)
  const isBeingWritten = place.isLive && entry.closed === undefined
  return { entry, found, anomalies: isBeingWritten ? found.anomalies.filter(({ kind }) => !TORN.has(kind)) : found.anomalies }
}

export async function readManifest({ blobs, clock, path }: FileLogPlace): Promise<LogManifest | 'damaged' | undefined> {
  try {
    return (await new Cell<LogManifest>({ blobs, clock, key: `${path}/manifest` }).read()).value
  } catch (error) {
    if (isStorageError(error, 'corrupt')) return 'damaged'
    throw error
  }
}

/** Of this log alone: those of its groups lie below it. */
export async function listed({ files, path }: FileLogPlace): Promise<string[]> {
  const paths: string[] = []
  for await (const file of files.list(`${path}/`)) if (!file.path.startsWith(`${path}/groups/`)) paths.push(file.path)
  return paths
}

function missingSegment({ base, closed }: SegmentEntry, path: string, durable: number): Anomaly[] {
  const next = closed?.next ?? durable
  if (next <= base) return []
  return [{ kind: 'missing_segment', path, firstOffset: base, lastOffset: next - 1, detail: 'the file of a segment is gone' }]
}

function leftover(path: string): Anomaly {
  const isSegment = /\/seg\/\d{10}-\d+-[0-9a-f]{16}$/.test(path)
  if (!isSegment) return { kind: 'unexpected_file', path, detail: 'not a file of this log' }
  return { kind: 'orphaned_file', path, detail: 'a segment that nothing points to, left by a crash' }
}
