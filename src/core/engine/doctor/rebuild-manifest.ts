// The manifest of a log of files, made again from what its segments say about themselves.

import { utf8 } from '../../base/bytes.js'
import { murmur3 } from '../../codec/murmur3.js'
import { EMPTY_MANIFEST, type EpochStart, type LogManifest, type SealedEnd, type SegmentEntry } from '../log-manifest.js'
import type { FileLogPlace } from './file-log-place.js'
import { withFile } from './file-log-place.js'
import { examineSegment, readHeader, type SegmentExamination } from './examine-segment.js'

interface Candidate {
  readonly entry: SegmentEntry
  readonly found: SegmentExamination
}

/** Segments without records are left out: a crash leaves such files. Where two have one number, the one with more records counts. */
export async function rebuildManifest(place: FileLogPlace, paths: readonly string[]): Promise<LogManifest> {
  const bySequence = new Map<number, Candidate>()
  for (const path of paths) {
    const candidate = await candidateAt(place, path)
    if (candidate === undefined || candidate.found.records === 0) continue
    const known = bySequence.get(candidate.entry.sequence)
    if (known === undefined || known.found.records < candidate.found.records) bySequence.set(candidate.entry.sequence, candidate)
  }
  const candidates = [...bySequence.values()].sort((a, b) => a.entry.sequence - b.entry.sequence)
  const segments = candidates.map(({ entry, found }, index) => ({ ...entry, closed: endOf(found, candidates[index + 1]?.entry.base) }))
  const last = segments[segments.length - 1]
  const epochs = epochsOf(candidates)
  return {
    ...EMPTY_MANIFEST,
    segments,
    epochs,
    epoch: epochs[epochs.length - 1]?.epoch ?? 0,
    durable: last?.closed.next ?? 0,
    first: segments[0]?.base ?? 0,
  }
}

async function candidateAt(place: FileLogPlace, path: string): Promise<Candidate | undefined> {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const sequence = Number(name.split('-')[0])
  if (!Number.isInteger(sequence)) return undefined
  const base = await withFile(place.files, path, async (source) => (await readHeader(source, place.format))?.baseOffset)
  if (base === undefined) return undefined
  const entry = { name, sequence, base, createdAt: 0 }
  const expected = { format: place.format, entry, path, place: murmur3(utf8(place.path)), durable: 0, bootId: null }
  const found = await withFile(place.files, path, (source) => examineSegment(source, expected))
  return found?.walk === undefined ? undefined : { entry: { ...entry, createdAt: found.createdAt }, found }
}

/** A log that goes on in the next segment ends where that begins, whatever is damaged at its own end. */
function endOf({ end, records, footer }: SegmentExamination, nextBase: number | undefined): SealedEnd {
  const next = Math.max(end.next, nextBase ?? 0)
  return { ...end, next, records, sealedAt: end.timestamp, footer }
}

function epochsOf(candidates: readonly Candidate[]): EpochStart[] {
  const epochs: EpochStart[] = []
  for (const { entry, found } of candidates) {
    if (found.epoch > (epochs[epochs.length - 1]?.epoch ?? 0)) epochs.push({ epoch: found.epoch, start: entry.base })
  }
  return epochs
}
