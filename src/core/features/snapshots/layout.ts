// Where the parts of a snapshot lie. Only session cells are ever changed; manifests and content have names that are used once.

import { toHex } from '../../base/bytes.js'
import { StorageError } from '../../base/errors.js'
import { keyComponent } from '../../base/key.js'
import { newWriteId } from '../../codec/envelope.js'
import type { BlobTraits } from '../../ports/blob-store.js'
import type { SessionRef } from './types.js'

export const SESSIONS = 'snapshots/sessions/'
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

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

export function manifestKey(id: string): string {
  return `snapshots/manifests/${id}`
}

export function contentPrefix(contentId: string): string {
  return `snapshots/content/${contentId}-`
}

export function contentKey(contentId: string, part: number): string {
  return contentPrefix(contentId) + String(part).padStart(6, '0')
}

/** A random UUID (RFC 9562, version 4). */
export function newId(): string {
  const bytes = newWriteId()
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80
  const hex = toHex(bytes)
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

export function isId(text: unknown): text is string {
  return typeof text === 'string' && UUID.test(text)
}
