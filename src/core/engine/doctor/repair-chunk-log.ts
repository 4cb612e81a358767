// Makes a damaged log of chunks whole again with what can still be read, while others may go on appending to it. One step
// at a time, each a single write that counts, and a look at the log after it: cut short anywhere, a repair can be run again.

import { utf8 } from '../../base/bytes.js'
import { isStorageError, StorageError } from '../../base/errors.js'
import { newWriteId } from '../../codec/envelope.js'
import { murmur3 } from '../../codec/murmur3.js'
import { Cell } from '../cell.js'
import { chunkSalt, encodeChunk } from '../chunk.js'
import type { ChunkManifest } from '../chunk-manifest.js'
import { CHUNK_EPOCH, ChunkSegments } from '../chunk-segments.js'
import { ChunkStore } from '../chunk-store.js'
import { encodeControlFrame } from '../segment.js'
import { type ChunkLogPlace, chunkKey, manifestCell } from './chunk-log-place.js'
import { type ChunkLogExamination, examineChunkLog } from './examine-chunk-log.js'
import { copyBlobAside, onceEach, type Quarantine } from './quarantine.js'
import { writeChunksAnew, writeSegmentsAnew } from './write-anew.js'

const MAX_STEPS = 12

/** Good records keep their offsets, what was lost is a gap, and chunk numbers go on: a writer that was stalled meets them. */
export async function repairChunkLog(place: ChunkLogPlace, first: ChunkLogExamination, keep?: Quarantine): Promise<void> {
  const quarantine = keep && onceEach(keep)
  let found = first
  for (let step = 0; step < MAX_STEPS; step++) {
    if (found.isManifestDamaged) await enterManifest(place, found, quarantine)
    else if (found.chunks.isEndLost) await fenceEnd(place, found)
    else if (await replaceDamaged(place, found, quarantine)) return removeRest(place, found, quarantine)
    found = await examineChunkLog(place)
  }
  throw new StorageError('unavailable', 'others change the log too quickly to repair it', { operation: 'recover', key: place.path })
}

/** In one write, so that nobody ever finds a log without a manifest, which would begin at 0. */
async function enterManifest(place: ChunkLogPlace, found: ChunkLogExamination, quarantine?: Quarantine): Promise<void> {
  const { blobs, clock, path } = place
  const key = `${path}/manifest`
  if (quarantine !== undefined) await copyBlobAside(blobs, key, quarantine)
  await new Cell<ChunkManifest>({ blobs, clock, key }).replace(found.manifest, found.version, 'strict').catch(ignoreConflict)
}

/**
 * A chunk without records behind a damaged end: it takes the number that others would put next, and says which offset
 * comes then. What lies before it changes no more.
 */
async function fenceEnd(place: ChunkLogPlace, { chunks }: ChunkLogExamination): Promise<void> {
  const { path, blobs } = place
  const { chain, timestamp, chunk } = chunks.end
  // A chunk's first offset is never below its number: this one takes an offset too.
  const next = Math.max(chunks.end.next, chunk + 1)
  const at = { next, durable: next, epoch: CHUNK_EPOCH, chain, timestamp, salt: chunkSalt(path) }
  const { bytes } = encodeControlFrame({ kind: 'state', durable: next, bootId: null }, at)
  const fence = encodeChunk(bytes, CHUNK_EPOCH, newWriteId())
  await blobs.put(chunkKey(place, chunk), fence, { when: 'absent', durability: 'strict' }).catch(ignoreConflict)
}

/** True when no damage is left in what the manifest says; false: somebody else changed it, look again. */
async function replaceDamaged(place: ChunkLogPlace, found: ChunkLogExamination, quarantine?: Quarantine): Promise<boolean> {
  const { manifest, chunks } = found
  const damaged = new Set(found.anomalies.map((anomaly) => anomaly.path))
  const isBroken = chunks.anomalies.length > 0 || found.segments.some(({ entry }) => damaged.has(`${place.path}/seg/${entry.name}`))
  if (!isBroken) return true
  if (quarantine !== undefined) for (const key of [...damaged, `${place.path}/manifest`]) await copyBlobAside(place.blobs, key, quarantine)
  const segments = segmentsOf(place)
  const kept = await writeSegmentsAnew(place, segments, found, damaged)
  const hasDamagedChunks = chunks.anomalies.length > 0
  const added = hasDamagedChunks ? await writeChunksAnew(place, segments, found) : []
  const changed: Partial<ChunkManifest> = {
    segments: [...kept, ...added],
    sequence: [...kept, ...added].reduce((greatest, entry) => Math.max(greatest, entry.sequence), manifest.sequence),
  }
  const { end, isSealed } = chunks
  const isEntered = await manifestCell(place).change((now) => {
    if (!isSame(now, manifest)) return undefined
    if (!hasDamagedChunks) return { ...now, ...changed }
    const leftovers = [...now.leftovers.filter(({ at }) => at !== undefined), { before: end.chunk }]
    const places = now.places.filter(([chunk]) => chunk > end.chunk)
    return { ...now, ...changed, ...(isSealed ? { sealed: true as const } : {}), merged: end, leftovers, places }
  })
  const names = new Set(manifest.segments.map(({ name }) => name))
  if (!isEntered) await segments.delete([...kept, ...added].flatMap(({ name }) => (names.has(name) ? [] : [name])))
  return isEntered
}

function isSame(now: ChunkManifest, then: ChunkManifest): boolean {
  const names = ({ segments }: ChunkManifest): string => segments.map(({ name }) => name).join(' ')
  return now.merged.chunk === then.merged.chunk && now.sequence === then.sequence && names(now) === names(then)
}

async function removeRest(place: ChunkLogPlace, found: ChunkLogExamination, quarantine?: Quarantine): Promise<void> {
  const { blobs, path } = place
  const keys = found.leftovers
  if (quarantine !== undefined) for (const key of keys) await copyBlobAside(blobs, key, quarantine)
  if (keys.length > 0) await blobs.delete(keys)
  const cell = manifestCell(place)
  await cell.read()
  const { segments, sequence, merged } = cell.value
  await segmentsOf(place).sweep(segments, sequence)
  // Elsewhere a writer may still take the number of one of them: they go when they are as old as merged ones have to be.
  if (blobs.batch !== undefined) await new ChunkStore({ blobs, path, salt: chunkSalt(path) }).deleteBelow(merged.chunk)
}

function segmentsOf({ blobs, path }: ChunkLogPlace): ChunkSegments {
  return new ChunkSegments({ blobs, path, place: murmur3(utf8(path)) })
}

/** Somebody else was first: the next look says what there is to do. */
function ignoreConflict(error: unknown): void {
  if (!isStorageError(error, 'conflict')) throw error
}
