// Where the parts of a snapshot lie. Only session cells are ever changed; manifests and pages have names that are used once,
// but for manifests of format 1, which a repair renews where they lie.

import { toHex } from '../../base/bytes.js'
import { StorageError } from '../../base/errors.js'
import { keyComponent } from '../../base/key.js'
import { newSalt, newWriteId } from '../../codec/envelope.js'
import type { BlobTraits } from '../../ports/blob-store.js'
import type { SessionRef } from './types.js'

/** Packs, their index and the collection's cell lie below it too. */
export const SNAPSHOTS = 'snapshots'
export const SESSIONS = `${SNAPSHOTS}/sessions/`
export const PAGES = `${SNAPSHOTS}/pages/`
export const MANIFESTS = `${SNAPSHOTS}/manifests/`
const FIXED = [PAGES, `${SNAPSHOTS}/packs/`, `${SNAPSHOTS}/index/`]
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const MANIFEST_NAME = /^(?:b[0-9a-f-]{28}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:\.[0-9a-f]{12})?)$/
const VERSION_AT = 14
/** Of an id: what all of a batch share. */
const BATCH_CHARACTERS = 28

export function agentPrefix(agent: string): string {
  return `${SESSIONS}${keyComponent('a', agent)}/`
}

/** The cell of a session; `invalid` where its name gets too long for the backend. */
export function sessionKey({ agent, session }: SessionRef, traits: BlobTraits): string {
  const key = agentPrefix(agent) + keyComponent('s', session)
  if (key.length <= traits.maxKeyBytes) return key
  const facts = { agent, session, bytes: key.length, maxKeyBytes: traits.maxKeyBytes }
  throw new StorageError('invalid', 'the names of agent and session are together too long for this backend', { facts })
}

/** Where the manifest of a snapshot that was saved here lies: by itself, or with those that were saved by the same call. */
export function manifestKey(id: string): string {
  return isOfBatch(id) ? `${MANIFESTS}b${id.slice(0, BATCH_CHARACTERS)}` : MANIFESTS + id
}

/** One that came from another store: each attempt has a name of its own. */
export function adoptedKey(id: string, attempt: string): string {
  return `${adoptedPrefix(id)}${attempt}`
}

export function adoptedPrefix(id: string): string {
  return `${MANIFESTS}${id}.`
}

/** What is called otherwise down there is somebody else's. */
export function isManifestKey(key: string): boolean {
  return key.startsWith(MANIFESTS) && MANIFEST_NAME.test(key.slice(MANIFESTS.length))
}

/**
 * What is put once and never changed: it may be read from a copy of it. A manifest of format 1 may be renewed under its name: a
 * copy of one is never relied on. The contents of format 1 are left out, which few have.
 */
export function isFixedKey(key: string): boolean {
  return isManifestKey(key) || FIXED.some((prefix) => key.startsWith(prefix))
}

export function pageKey(page: string): string {
  return PAGES + page
}

/** The content of a snapshot of format 1. */
export function contentPrefix(contentId: string): string {
  return `${SNAPSHOTS}/content/${contentId}-`
}

export function contentKey(contentId: string, part: number): string {
  return contentPrefix(contentId) + String(part).padStart(6, '0')
}

/** A random UUID (RFC 9562, version 4). */
export function newId(): string {
  return uuid(newWriteId(), 4)
}

/** Up to 2^32 ids (RFC 9562, version 8) that share their first 28 characters and end in their place in the batch. */
export function newBatchIds(count: number): string[] {
  const shared = uuid(newWriteId(), 8).slice(0, BATCH_CHARACTERS)
  return Array.from({ length: count }, (_, at) => shared + at.toString(16).padStart(8, '0'))
}

export function newName(): string {
  return toHex(newWriteId())
}

export function newAttempt(): string {
  return toHex(newSalt(6))
}

export function isOfBatch(id: string): boolean {
  return id[VERSION_AT] === '8'
}

export function isId(text: unknown): text is string {
  return typeof text === 'string' && UUID.test(text)
}

function uuid(bytes: Uint8Array, version: number): string {
  bytes[6] = ((bytes[6] as number) & 0x0f) | (version << 4)
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80
  const hex = toHex(bytes)
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
