// A value as it lies in a blob: an envelope with codec and expiry. A value deleted by compare-and-set stays as an entry
// that expired long ago, because a blob store has no conditional delete.

import { getU64, toHex, viewOf } from '../../base/bytes.js'
import { StorageError } from '../../base/errors.js'
import type { Codec } from '../../codec/codec.js'
import { decodeValue, type EncodedValue, readyToDecode } from '../../codec/codecs.js'
import { ENVELOPE_BYTES, type Envelope, newWriteId, openEnvelope, sealEnvelope } from '../../codec/envelope.js'
import type { StoredBlob } from '../../ports/blob-store.js'

const NEVER = 0
const LONG_AGO = 1
const EXPIRES_AT = 32

export interface SealedValue {
  readonly bytes: Uint8Array
  /** Tells this write from all others. */
  readonly writeId: string
}

export interface StoredValue {
  readonly version: string
  readonly writeId: string
  /** Milliseconds since 1970; undefined where it never expires. */
  readonly expiresAt: number | undefined
  readonly envelope: Envelope
}

export function sealValue(value: EncodedValue, expiresAt: number | undefined): SealedValue {
  const writeId = newWriteId()
  const bytes = sealEnvelope({ kind: 'value', codec: value.codec, expiresAt: expiresAt ?? NEVER, writeId }, value.bytes)
  return { bytes, writeId: toHex(writeId) }
}

/** What takes the place of a deleted value. */
export function sealDeletion(): SealedValue {
  return sealValue({ codec: 0, bytes: new Uint8Array(0) }, LONG_AGO)
}

export function sealedLength(value: EncodedValue): number {
  return ENVELOPE_BYTES + value.bytes.length
}

/** `key` is the user's, for the error. */
export function openValue(blob: StoredBlob, key: string): StoredValue {
  const envelope = openEnvelope(blob.data, 'value', key)
  const expiresAt = envelope.expiresAt === NEVER ? undefined : envelope.expiresAt
  return { version: blob.version, writeId: toHex(envelope.writeId), expiresAt, envelope }
}

export function isLive(expiresAt: number | undefined, now: number): boolean {
  return expiresAt === undefined || expiresAt > now
}

/** The expiry in the first bytes of a blob, unchecked: enough to name keys; damage is found when the value is read. */
export function peekExpiry(head: Uint8Array): number | undefined {
  if (head.length < ENVELOPE_BYTES) return undefined
  const expiresAt = getU64(viewOf(head), EXPIRES_AT)
  return expiresAt === NEVER ? undefined : expiresAt
}

export async function decodeStored(stored: StoredValue, key: string, codec: Codec): Promise<unknown> {
  await readyToDecode([stored.envelope.codec])
  try {
    return decodeValue(stored.envelope.codec, stored.envelope.body, codec)
  } catch (cause) {
    if (cause instanceof StorageError && cause.code === 'unsupported') throw cause
    throw new StorageError('corrupt', 'a stored value cannot be decoded', { key, cause, facts: { codec: stored.envelope.codec } })
  }
}
