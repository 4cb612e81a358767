// Where a log of chunks lies, for those who look at it from outside, and what lies there.

import { utf8 } from '../../base/bytes.js'
import type { Clock } from '../../base/clock.js'
import { isStorageError } from '../../base/errors.js'
import { crc32c } from '../../codec/crc32c.js'
import { murmur3 } from '../../codec/murmur3.js'
import type { BlobStore } from '../../ports/blob-store.js'
import { binaryFormat } from '../binary-format.js'
import { BlobSource } from '../blob-source.js'
import { chunkSalt } from '../chunk.js'
import { type ChunkEnd, ManifestCell } from '../chunk-manifest.js'
import type { SegmentEntry } from '../log-manifest.js'
import { historyKey } from '../journal.js'
import { examineSegment, type SegmentExamination } from './examine-segment.js'

export interface ChunkLogPlace {
  readonly blobs: BlobStore
  readonly clock: Clock
  /** Prefix of the log: incarnation and bucket. */
  readonly path: string
  /** Called after each segment and chunk. */
  readonly progress?: (bytes: number) => void
}

export interface ListedLog {
  /** Bytes by name. */
  readonly segments: ReadonlyMap<string, number>
  /** Numbers, ascending. */
  readonly chunks: readonly number[]
  /** Keys that mean nothing here. */
  readonly unexpected: readonly string[]
}

const SMALL_BYTES = 256 * 1024

export function startOf(path: string): ChunkEnd {
  return { chunk: 0, next: 0, chain: crc32c(chunkSalt(path)), timestamp: 0 }
}

export function manifestCell({ blobs, clock, path }: ChunkLogPlace): ManifestCell {
  return new ManifestCell({ blobs, clock, key: `${path}/manifest`, start: startOf(path), onChange: () => {} })
}

export async function listLog({ blobs, path }: ChunkLogPlace): Promise<ListedLog> {
  const segments = new Map<string, number>()
  const chunks: number[] = []
  const unexpected: string[] = []
  for await (const { key, bytes } of blobs.list({ prefix: `${path}/` })) {
    const name = key.slice(path.length + 1)
    if (/^seg\/\d{10}-\d+-[0-9a-f]{16}$/.test(name)) segments.set(name.slice('seg/'.length), bytes)
    else if (/^log\/\d{20}$/.test(name)) chunks.push(Number(name.slice('log/'.length)))
    else if (name !== 'manifest' && key !== historyKey(path) && !name.startsWith('group/')) unexpected.push(key)
  }
  return { segments, chunks, unexpected }
}

/** What a segment says; undefined where it is gone. */
export function examineBlob(place: ChunkLogPlace, entry: SegmentEntry, size: number | undefined): Promise<SegmentExamination | undefined> {
  const { path } = place
  const expected = {
    format: binaryFormat,
    entry,
    path: segmentKey(place, entry.name),
    place: murmur3(utf8(path)),
    durable: 0,
    bootId: null,
  }
  return withSegment(place, entry.name, size, (source) => examineSegment(source, expected))
}

/** undefined where it is gone. */
export async function withSegment<T>(
  place: ChunkLogPlace,
  name: string,
  size: number | undefined,
  use: (source: BlobSource) => Promise<T>,
): Promise<T | undefined> {
  if (size === undefined) return undefined
  const { blobs } = place
  const isWhole = blobs.traits.durable !== 'remote' || size <= SMALL_BYTES
  const source = new BlobSource({ blobs, key: segmentKey(place, name), size, isWhole, onKeep: () => {} })
  return use(source).catch((error) => {
    if (isStorageError(error, 'missing')) return undefined
    throw error
  })
}

export function segmentKey({ path }: ChunkLogPlace, name: string): string {
  return `${path}/seg/${name}`
}

export function chunkKey({ path }: ChunkLogPlace, chunk: number): string {
  return `${path}/log/${String(chunk).padStart(20, '0')}`
}
