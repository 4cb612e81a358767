// What a snapshot is, without its state: JSON in an envelope whose checksum covers all of it. Written once, never changed.

import { fromUtf8, utf8 } from '../../base/bytes.js'
import { StorageError } from '../../base/errors.js'
import { openEnvelope, sealEnvelope } from '../../codec/envelope.js'
import type { SnapshotInfo } from './types.js'

export const MANIFEST_FORMAT = 1
const JSON_CODEC = 1

export interface Manifest extends SnapshotInfo {
  readonly format: number
  /** Id of the codec of the state. */
  readonly codec: number
  readonly content: {
    readonly id: string
    readonly compression: number
    readonly parts: number
  }
}

export function sealManifest(manifest: Manifest): Uint8Array {
  return sealEnvelope({ kind: 'manifest', codec: JSON_CODEC }, utf8(JSON.stringify(manifest)))
}

/** `corrupt` when damaged or another snapshot's, `unsupported` when of a newer format. */
export function openManifest(bytes: Uint8Array, id: string): Manifest {
  const manifest = parse(openEnvelope(bytes, 'manifest', id).body, id)
  if (typeof manifest?.format === 'number' && manifest.format > MANIFEST_FORMAT) {
    const facts = { format: manifest.format, newestKnown: MANIFEST_FORMAT }
    throw new StorageError('unsupported', 'a snapshot stored by a newer version of Varve', { key: id, facts })
  }
  if (manifest?.format !== MANIFEST_FORMAT || manifest.id !== id) {
    throw new StorageError('corrupt', 'a manifest is not that of its snapshot', { key: id, facts: { expected: id, actual: manifest?.id } })
  }
  return manifest
}

export function infoOf({ format: _format, codec: _codec, content: _content, ...info }: Manifest): SnapshotInfo {
  return info
}

function parse(bytes: Uint8Array, id: string): Manifest | undefined {
  try {
    return JSON.parse(fromUtf8(bytes)) as Manifest | undefined
  } catch (cause) {
    throw new StorageError('corrupt', 'a manifest does not hold JSON', { key: id, cause })
  }
}
