// A queue made again under another name, in another format or elsewhere: a replication of one queue that ends.

import { loadPart } from '../base/load-part.js'
import type { Store } from '../derived/store-context.js'
import type { Backend } from '../ports/backend.js'
import type { QueuePlace } from './replica-queue.js'
import type { QueueReplication, ReplicateOptions } from './replication-report.js'

export type { QueuePlace } from './replica-queue.js'

export interface CopyQueueOptions extends Omit<ReplicateOptions, 'queues' | 'live'> {
  /** Its name at the target; default the same. */
  readonly as?: string
}

/**
 * Copies all that is in the queue when the copy comes to a bucket, as `replicate` does: every record with its offset, timestamp,
 * key, value, codec, headers and schema version, the positions of its groups, and the seal; what was trimmed or compacted away stays
 * a gap. Called again it goes on behind what is there. When it resolves the copy is as durable as its backend can make it.
 *
 * Errors: as `replicate`; `invalid` for a copy onto itself.
 */
export async function copyQueue(from: QueuePlace, to: Store | Backend, options: CopyQueueOptions = {}): Promise<QueueReplication> {
  const { as = from.queue, ...rest } = options
  const { copyOnce } = await loadPart('replication', () => import('./replication.js'))
  return await copyOnce(from, { store: to, queue: as }, rest)
}
