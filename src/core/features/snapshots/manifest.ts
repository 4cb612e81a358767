// What a snapshot is, without its state: JSON in an envelope whose checksum covers all of it, and a hash that the next one
// in the session repeats. Written once, never changed. Those that were saved by one call lie together, a line each.

import { fromUtf8, utf8 } from '../../base/bytes.js'
import { StorageError } from '../../base/errors.js'
import { wrongPart } from '../../base/shape.js'
import { openEnvelope, sealEnvelope } from '../../codec/envelope.js'
import { compressBytes, decompressBytes } from '../../codec/compression.js'
import { sha256Hex } from '../../codec/hash.js'
import type { ContentNode } from '../../engine/content/content.js'
import { OLD_MANIFEST, TREE_MANIFEST } from './shapes.js'
import type { SnapshotInfo } from './types.js'

const FORMAT = 2
const JSON_CODEC = 1
const LEVEL = 1
/** Of the texts of those that lie together: bounds what they inflate to. */
export const MAX_BATCH_BYTES = 16 * 1024 * 1024

/** The manifest before it in the session, whatever became of that since. */
export interface PreviousManifest {
  readonly index: number
  readonly hash: string
}

/** What a snapshot from another store was called there, where it could not be here. */
export interface Origin {
  readonly index: number
  readonly timestamp: number
}

interface ManifestBase extends Omit<SnapshotInfo, 'pinned' | 'damaged'> {
  /** Id of the codec of the state. */
  readonly codec: number
  readonly origin?: Origin
  /** What the clock said, where that was before the time of the last snapshot. */
  readonly clock?: number
}

/** Its state is one compressed piece, cut where a blob would be too large. */
export interface OldManifest extends ManifestBase {
  readonly format: 1
  readonly hash?: undefined
  readonly content: {
    readonly id: string
    readonly compression: number
    readonly parts: number
  }
}

export interface TreeManifest extends ManifestBase {
  readonly format: 2
  /** The top of the tree of chunks that is its state. */
  readonly root: ContentNode
  /** Absent for the first of a session, and behind one of format 1. */
  readonly previous?: PreviousManifest
  /** SHA-256 of the JSON of all the rest, as it is stored, lower-case hexadecimal. */
  readonly hash: string
}

export type Manifest = OldManifest | TreeManifest

export type ManifestDraft = Omit<TreeManifest, 'format' | 'hash'>

/** A manifest and the text that its hash is of. */
export interface HashedManifest {
  readonly manifest: TreeManifest
  readonly text: string
}

const HASH_BYTES = 64
const ID_LENGTH = 36
const HASH_BEGINS = ',"hash":"'
const HASH_ENDS = '"}'

export async function hashManifest(draft: ManifestDraft): Promise<HashedManifest> {
  const unhashed = JSON.stringify({ format: FORMAT, ...draft })
  const hash = await sha256Hex(utf8(unhashed))
  return { manifest: { format: FORMAT, ...draft, hash }, text: `${unhashed.slice(0, -1)}${HASH_BEGINS}${hash}${HASH_ENDS}` }
}

export function sealManifest({ text }: HashedManifest): Uint8Array {
  return sealEnvelope({ kind: 'manifest', codec: JSON_CODEC }, utf8(text))
}

export async function sealManifests(manifests: readonly HashedManifest[]): Promise<Uint8Array> {
  const plain = utf8(manifests.map(({ text }) => text).join('\n'))
  const { compression, bytes } = await compressBytes('gzip', plain, LEVEL)
  return sealEnvelope({ kind: 'manifests', codec: JSON_CODEC, compression, plainLength: plain.length }, bytes)
}

/** `corrupt` when damaged or another snapshot's, `unsupported` when of a newer format. */
export async function openManifest(bytes: Uint8Array, id: string): Promise<Manifest> {
  return await prove(decodeManifest(bytes, id))
}

interface Decoded {
  readonly manifest: Manifest
  readonly text: string
}

/** All but the proof that it has its hash. */
export function decodeManifest(bytes: Uint8Array, id: string): Decoded {
  return checkManifest(fromUtf8(openEnvelope(bytes, 'manifest', id).body), id)
}

/** The texts of a batch, by id. */
export type ManifestTexts = ReadonlyMap<string, string>

export async function openBatch(bytes: Uint8Array, key: string): Promise<ManifestTexts> {
  const { compression, body, plainLength } = openEnvelope(bytes, 'manifests', key)
  if (plainLength > MAX_BATCH_BYTES) {
    const facts = { plainBytes: plainLength, maxBytes: MAX_BATCH_BYTES }
    throw new StorageError('corrupt', 'manifests that lie together are longer than they may be', { key, facts })
  }
  const lines = fromUtf8(await decompressBytes(compression, body, plainLength)).split('\n')
  return new Map(lines.map((line) => [idIn(line), line]))
}

/** undefined where it is not among them. */
export async function manifestIn(texts: ManifestTexts, id: string): Promise<Manifest | undefined> {
  const text = texts.get(id)
  return text === undefined ? undefined : await prove(checkManifest(text, id))
}

/** Without parsing it, where it is of this format. */
function idIn(line: string): string {
  const begin = `{"format":${FORMAT},"id":"`
  return line.startsWith(begin) ? line.slice(begin.length, begin.length + ID_LENGTH) : String(parse(line, '')?.id)
}

function checkManifest(text: string, id: string): Decoded {
  const manifest = parse(text, id)
  if (typeof manifest?.format === 'number' && manifest.format > FORMAT) {
    const facts = { format: manifest.format, newestKnown: FORMAT }
    throw new StorageError('unsupported', 'a snapshot stored by a newer version of Varve', { key: id, facts })
  }
  if ((manifest?.format !== 1 && manifest?.format !== FORMAT) || manifest.id !== id) {
    throw new StorageError('corrupt', 'a manifest is not that of its snapshot', { key: id, facts: { expected: id, actual: manifest?.id } })
  }
  const part = wrongPart(manifest, manifest.format === 1 ? OLD_MANIFEST : TREE_MANIFEST)
  if (part !== undefined) throw new StorageError('corrupt', 'a manifest does not say what it has to', { key: id, facts: { part } })
  return { manifest, text }
}

async function prove({ manifest, text }: Decoded): Promise<Manifest> {
  if (manifest.format === 1) return manifest
  const { id, hash } = manifest
  const end = text.length - HASH_BEGINS.length - HASH_BYTES - HASH_ENDS.length
  const actual = await sha256Hex(utf8(`${text.slice(0, end)}}`))
  if (text.startsWith(HASH_BEGINS, end) && actual === hash) return manifest
  throw new StorageError('corrupt', 'a manifest does not have its hash', { key: id, facts: { expected: hash, actual } })
}

function parse(text: string, id: string): Manifest | undefined {
  try {
    return JSON.parse(text) as Manifest | undefined
  } catch (cause) {
    throw new StorageError('corrupt', 'a manifest does not hold JSON', { key: id, cause })
  }
}

export function infoOf(manifest: Manifest): SnapshotInfo {
  const { id, agent, session, branch, index, timestamp, parents, contentHash, tags, description, metadata } = manifest
  const { bytes, storedBytes, compression } = manifest
  const info = { id, agent, session, branch, index, timestamp, parents, contentHash, tags }
  const details = { ...(description === undefined ? {} : { description }), ...(metadata === undefined ? {} : { metadata }) }
  return { ...info, ...details, bytes, storedBytes, compression }
}
