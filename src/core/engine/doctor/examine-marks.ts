// What tasks have consumed of a queue: one cell each, which can be read or not.

import type { Clock } from '../../base/clock.js'
import { isStorageError } from '../../base/errors.js'
import type { BlobStore } from '../../ports/blob-store.js'
import { Cell } from '../cell.js'

export interface MarksPlace {
  readonly blobs: BlobStore
  readonly clock: Clock
  /** Of the keys of all marks of a queue. */
  readonly prefix: string
}

/** Keys of those that cannot be read. */
export async function marksThatFail({ blobs, clock, prefix }: MarksPlace): Promise<string[]> {
  const damaged: string[] = []
  for await (const { key } of blobs.list({ prefix })) {
    await new Cell({ blobs, clock, key }).read().catch((error) => {
      if (!isStorageError(error, 'corrupt')) throw error
      damaged.push(key)
    })
  }
  return damaged
}
