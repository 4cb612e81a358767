// Names to logs. A create-only entry gives a queue a random incarnation, and all its keys begin with that: a queue that is
// deleted and made again shares nothing with its past.

import { fromUtf8, toHex, utf8 } from '../base/bytes.js'
import { isStorageError, StorageError } from '../base/errors.js'
import { keyComponent, unescapeName } from '../base/key.js'
import { newSalt, openEnvelope, sealEnvelope } from '../codec/envelope.js'
import type { Backend } from '../ports/backend.js'
import type { BlobStore } from '../ports/blob-store.js'

const PREFIX = 'queues/'
/** Before the escaped name in the key of an entry. */
export const CATALOGUE_PREFIX = PREFIX + keyComponent('q', '')
const JSON_CODEC = 1

export interface QueueEntry {
  readonly format: 1
  /** First component of all keys of the queue. */
  readonly incarnation: string
  readonly buckets: number
  readonly discipline: 'owned' | 'shared' | 'native'
  readonly createdAt: number
  /** How records lie in their files; absent: binary. */
  readonly frames?: 'ndjson'
  /** Of a copy: the incarnation that it, and every copy of it, descends from. */
  readonly origin?: string
}

export interface FoundEntry {
  readonly entry: QueueEntry
  readonly key: string
  readonly version: string
}

export async function findQueue(blobs: BlobStore, name: string): Promise<FoundEntry | undefined> {
  const key = catalogueKey(name)
  const blob = await blobs.get(key)
  if (blob === undefined) return undefined
  return { entry: decodeEntry(blob.data, key), key, version: blob.version }
}

/** Creates the entry, or finds the one that somebody else created at the same time. */
export async function createQueue(blobs: BlobStore, name: string, entry: Omit<QueueEntry, 'format' | 'incarnation'>): Promise<FoundEntry> {
  const key = catalogueKey(name)
  const full: QueueEntry = { format: 1, incarnation: `log/i${toHex(newSalt(8))}`, ...entry }
  const bytes = sealEnvelope({ kind: 'catalogue', codec: JSON_CODEC }, utf8(JSON.stringify(full)))
  try {
    // Strict, whatever the backend's habit: records may be put more strictly than that, and are lost without it.
    const { version } = await blobs.put(key, bytes, { when: 'absent', durability: 'strict' })
    return { entry: full, key, version }
  } catch (error) {
    if (!isStorageError(error, 'conflict') && !isStorageError(error, 'unavailable')) throw error
    const found = await findQueue(blobs, name)
    if (found === undefined) throw error
    return found
  }
}

/** Who keeps the records of a queue that is made on a backend with these ports. */
export function disciplineOf({ streams, files }: Pick<Backend, 'streams' | 'files'>): QueueEntry['discipline'] {
  if (streams !== undefined) return 'native'
  return files === undefined ? 'shared' : 'owned'
}

/** After this nobody finds the queue, and guarded appends to it fail. */
export async function removeQueue(blobs: BlobStore, found: FoundEntry): Promise<void> {
  await blobs.delete([found.key])
}

export async function listQueues(blobs: BlobStore): Promise<string[]> {
  const names: string[] = []
  for await (const { key } of blobs.list({ prefix: CATALOGUE_PREFIX })) names.push(unescapeName(key.slice(CATALOGUE_PREFIX.length)))
  return names
}

function catalogueKey(name: string): string {
  return PREFIX + keyComponent('q', name)
}

function decodeEntry(bytes: Uint8Array, key: string): QueueEntry {
  const entry = parseEntry(openEnvelope(bytes, 'catalogue', key).body, key)
  const { format } = entry
  if (typeof format === 'number' && format !== 1) {
    throw new StorageError('unsupported', 'the queue was created by a newer version of Varve', { key, facts: { format, newestKnown: 1 } })
  }
  if (format !== 1 || typeof entry.incarnation !== 'string') {
    throw new StorageError('corrupt', 'an entry of the catalogue does not name a queue', { key })
  }
  return entry as QueueEntry
}

function parseEntry(body: Uint8Array, key: string): Partial<QueueEntry> {
  try {
    return Object(JSON.parse(fromUtf8(body))) as Partial<QueueEntry>
  } catch (cause) {
    throw new StorageError('corrupt', 'an entry of the catalogue does not hold JSON', { key, cause })
  }
}
