// The stored positions of consumer groups.

import type { Clock } from '../../base/clock.js'
import { isStorageError } from '../../base/errors.js'
import type { BlobStore } from '../../ports/blob-store.js'
import { Cell } from '../cell.js'
import type { Anomaly } from './anomaly.js'

export interface GroupsPlace {
  readonly blobs: BlobStore
  readonly clock: Clock
  /** Prefix of the log: incarnation and bucket. */
  readonly path: string
}

/** Keys of those that cannot be read. */
export async function groupsThatFail({ blobs, clock, path }: GroupsPlace): Promise<string[]> {
  const damaged: string[] = []
  for await (const { key } of blobs.list({ prefix: `${path}/group/` })) {
    await new Cell({ blobs, clock, key }).read().catch((error) => {
      if (!isStorageError(error, 'corrupt')) throw error
      damaged.push(key)
    })
  }
  return damaged
}

export function damagedGroup(key: string): Anomaly {
  return { kind: 'damaged_group', path: key, detail: 'the positions of a consumer group cannot be read; without them it begins anew' }
}
