// In which order blocks were used, kept beside them: a text with a name a line, without what all begin with, the oldest first.
// Of several who write it the last one is believed; without it the order begins anew.

import { fromUtf8, utf8 } from '../base/bytes.js'
import { isStorageError } from '../base/errors.js'
import { openEnvelope, sealEnvelope } from '../codec/envelope.js'
import type { BlobStore } from '../ports/blob-store.js'
import { BLOCKS } from './cached-block.js'

const KEY = 'cached/order'
const TEXT_CODEC = 14

/** None where there is no order, or it is damaged. */
export async function readOrder(blobs: BlobStore): Promise<string[]> {
  const blob = await blobs.get(KEY)
  if (blob === undefined) return []
  try {
    const lines = fromUtf8(openEnvelope(blob.data, 'cached', KEY).body).split('\n')
    return lines.map((line) => BLOCKS + line)
  } catch (error) {
    if (isStorageError(error)) return []
    throw error
  }
}

export async function writeOrder(blobs: BlobStore, names: Iterable<string>): Promise<void> {
  const body = utf8(Array.from(names, (name) => name.slice(BLOCKS.length)).join('\n'))
  await blobs.put(KEY, sealEnvelope({ kind: 'cached', codec: TEXT_CODEC }, body), { durability: 'relaxed' })
}
