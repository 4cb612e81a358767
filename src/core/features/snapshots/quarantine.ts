// Where damaged blobs are copied before anything takes their place, so that whoever knows more can still look at them.

import { sha256Hex } from '../../codec/hash.js'
import { storedBlobs } from '../../derived/stored-blobs.js'
import type { BlobStore } from '../../ports/blob-store.js'
import { SNAPSHOTS } from './layout.js'

const QUARANTINE = `${SNAPSHOTS}/quarantine/`
/** Of the hash of what is copied: one that is copied again is not copied twice. */
const HASH_DIGITS = 16

export class Quarantine {
  readonly keys: string[] = []
  readonly #blobs: BlobStore

  constructor(blobs: BlobStore) {
    this.#blobs = blobs
  }

  /** What is not there is no error. */
  async copy(key: string): Promise<void> {
    const stored = storedBlobs(this.#blobs)
    const blob = await stored.get(key)
    if (blob === undefined) return
    const mark = (await sha256Hex(blob.data)).slice(0, HASH_DIGITS)
    const name = `${QUARANTINE}${blob.key.slice(SNAPSHOTS.length + 1)}.${mark}`
    // The key of a session may be as long as a key can be.
    const place = name.length <= this.#blobs.traits.maxKeyBytes ? name : `${QUARANTINE}${await sha256Hex(blob.data)}`
    await stored.put(place, blob.data)
    this.keys.push(place)
  }
}
