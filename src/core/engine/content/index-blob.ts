// A merged table of packs: for each its name, its size, and its entries as they stand at its end. It saves reading those ends
// and is never needed: what it says of packs that are not there any more means nothing.
//
// Body: 4 how many packs; then for each 32 its name, 8 bytes of the blob, 4 how many entries, the entries of 48.

import { concatBytes, fromHex, getU64, setU64, toHex, viewOf } from '../../base/bytes.js'
import { StorageError } from '../../base/errors.js'
import { openEnvelope, sealEnvelope } from '../../codec/envelope.js'
import { ENTRY_BYTES } from './pack-format.js'

const PACK_BYTES = 44
const BYTES_CODEC = 0

export interface PackTable {
  readonly name: string
  readonly bytes: number
  readonly entries: Uint8Array
}

export function sealIndex(packs: readonly PackTable[]): Uint8Array {
  const parts: Uint8Array[] = [new Uint8Array(4)]
  viewOf(parts[0] as Uint8Array).setUint32(0, packs.length, true)
  for (const { name, bytes, entries } of packs) {
    const head = new Uint8Array(PACK_BYTES)
    head.set(fromHex(name))
    setU64(viewOf(head), 32, bytes)
    viewOf(head).setUint32(40, entries.length / ENTRY_BYTES, true)
    parts.push(head, entries)
  }
  return sealEnvelope({ kind: 'index', codec: BYTES_CODEC }, concatBytes(parts))
}

/** How much a pack takes in an index. */
export function indexedBytes(entries: number): number {
  return PACK_BYTES + entries * ENTRY_BYTES
}

/** Views into the bytes. `corrupt` when damaged. */
export function openIndex(bytes: Uint8Array, key: string): PackTable[] {
  const { body } = openEnvelope(bytes, 'index', key)
  const view = viewOf(body)
  const packs: PackTable[] = []
  const count = body.length < 4 ? 0 : view.getUint32(0, true)
  let at = 4
  for (let i = 0; i < count; i++) {
    const end = at + PACK_BYTES > body.length ? Number.POSITIVE_INFINITY : at + indexedBytes(view.getUint32(at + 40, true))
    if (end > body.length)
      throw new StorageError('corrupt', 'an index of packs ends too early', { key, facts: { packs: i, expected: count } })
    packs.push({ name: toHex(body.subarray(at, at + 32)), bytes: getU64(view, at + 32), entries: body.subarray(at + PACK_BYTES, end) })
    at = end
  }
  return packs
}
