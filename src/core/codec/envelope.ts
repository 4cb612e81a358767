// The header of every stored blob that is not a log: what it is, how to read it, a checksum, and a write id so that no
// two puts have equal bytes and a put whose answer was lost can be recognised.
//
//  0  3  magic "VRV"          3  1  format major
//  4  1  kind                 5  1  codec
//  6  1  compression          7  1  cipher (0 = none)
//  8  4  epoch               12  4  plain length of the body
// 16 16  write id            32  8  expires at, ms (0 = never)
// 40  4  flags (0)           44  4  CRC32C of bytes 0-43 and the stored body

import { getU64, setU64, viewOf } from '../base/bytes.js'
import { StorageError } from '../base/errors.js'
import { crc32c } from './crc32c.js'
import { isSealedBlob } from './sealed-mark.js'
import { randomBytes } from '#primitives'

export const ENVELOPE_BYTES = 48
const MAJOR = 1
const WRITE_ID_BYTES = 16

/** What a blob is. Numbers are for ever. */
const KINDS = ['cell', 'value', 'catalogue', 'manifest', 'content', 'canary', 'page', 'index', 'manifests', 'keyring', 'cached'] as const
export type EnvelopeKind = (typeof KINDS)[number]

export interface EnvelopeFields {
  readonly kind: EnvelopeKind
  /** Id of the codec of the body. */
  readonly codec: number
  /** Id of the compression; 0 = none. */
  readonly compression?: number
  readonly epoch?: number
  /** Length of the body before compression; default: the body's own. */
  readonly plainLength?: number
  /** Milliseconds since 1970; 0 = never. */
  readonly expiresAt?: number
  /** 16 bytes, fresh for each attempt that may end differently; default: random. */
  readonly writeId?: Uint8Array
}

export interface Envelope {
  readonly kind: EnvelopeKind
  readonly codec: number
  readonly compression: number
  readonly epoch: number
  readonly plainLength: number
  readonly expiresAt: number
  readonly writeId: Uint8Array
  /** As stored: still compressed. A view into the bytes that were opened. */
  readonly body: Uint8Array
}

/** 16 random bytes that mark one write. */
export function newWriteId(): Uint8Array {
  return randomBytes(WRITE_ID_BYTES)
}

/** Random bytes that tell one file from another of the same name. */
export function newSalt(length: number): Uint8Array {
  return randomBytes(length)
}

/** Header and body as one blob. */
export function sealEnvelope(fields: EnvelopeFields, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(ENVELOPE_BYTES + body.length)
  const view = viewOf(bytes)
  bytes.set([0x56, 0x52, 0x56, MAJOR, KINDS.indexOf(fields.kind), fields.codec, fields.compression ?? 0, 0])
  view.setUint32(8, fields.epoch ?? 0, true)
  view.setUint32(12, fields.plainLength ?? body.length, true)
  bytes.set(fields.writeId ?? newWriteId(), 16)
  setU64(view, 32, fields.expiresAt ?? 0)
  bytes.set(body, ENVELOPE_BYTES)
  view.setUint32(44, checksum(bytes), true)
  return bytes
}

/**
 * Opens what `sealEnvelope` made. `corrupt` when the bytes are damaged or of another kind, `unsupported` for a newer
 * format, `denied` for a blob of an encrypted store; `key` goes into the error.
 */
export function openEnvelope(bytes: Uint8Array, kind: EnvelopeKind, key: string): Envelope {
  const damaged = (message: string, facts: Record<string, unknown> = {}): StorageError =>
    new StorageError('corrupt', message, { key, facts })
  if (isSealedBlob(bytes)) {
    throw new StorageError(
      'denied',
      'this is encrypted: open the store with encrypted(backend, secret), or its snapshots with { encryption }',
      { key },
    )
  }
  const hasMagic = bytes[0] === 0x56 && bytes[1] === 0x52 && bytes[2] === 0x56
  if (bytes.length < ENVELOPE_BYTES || !hasMagic) throw damaged('a stored blob has no valid header', { bytes: bytes.length })
  const view = viewOf(bytes)
  const actual = checksum(bytes)
  const expected = view.getUint32(44, true)
  if (bytes[3] !== MAJOR && actual === expected) {
    throw new StorageError('unsupported', 'stored by a newer version of Varve', { key, facts: { format: bytes[3], newestKnown: MAJOR } })
  }
  if (actual !== expected) throw damaged('a stored blob fails its checksum', { expected, actual })
  const found = KINDS[bytes[4] as number]
  if (found !== kind) throw damaged('a stored blob is of another kind', { expected: kind, actual: found ?? bytes[4] })
  if (bytes[7] !== 0 || view.getUint32(40, true) !== 0) {
    throw new StorageError('unsupported', 'stored with a feature that this version does not know', { key, facts: { cipher: bytes[7] } })
  }
  return {
    kind,
    codec: bytes[5] as number,
    compression: bytes[6] as number,
    epoch: view.getUint32(8, true),
    plainLength: view.getUint32(12, true),
    expiresAt: getU64(view, 32),
    writeId: bytes.slice(16, 32),
    body: bytes.subarray(ENVELOPE_BYTES),
  }
}

function checksum(bytes: Uint8Array): number {
  return crc32c(bytes, ENVELOPE_BYTES, bytes.length, crc32c(bytes, 0, 44))
}
