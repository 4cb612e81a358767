// Queues kept the same somewhere else: every record at its offset, once.

import { loadPart } from '../base/load-part.js'
import type { Store } from '../derived/store-context.js'
import type { Backend } from '../ports/backend.js'
import type { ReplicateOptions, ReplicationReport } from './replication-report.js'

export type {
  BucketReplication,
  QueueReplication,
  ReplicateOptions,
  ReplicationProgress,
  ReplicationReport,
  SkippedOffsets,
} from './replication-report.js'

/**
 * Copies queues to another store, on the same or another backend: each record once, with its offset, timestamp, key, headers
 * (those of ids and producers, too) and schema version; what was trimmed or compacted away stays a gap, and a sealed source seals
 * its target. Missing queues are made with the same buckets. It begins where the target ends, so it may be stopped or killed at
 * any point and called again. The source is only read, and may be open with `mode: 'read'`. The target takes no other appends.
 *
 * Live it copies what is appended until the signal aborts, and resolves then; what fails for a time is tried again for ever.
 * Else an abort rejects with the signal's reason.
 *
 * Errors: `conflict` (the target is no copy of the source, or not any more: somebody appended to it, or the source lost records in
 * a recovery; facts say from which offset on they differ, and the message what to do; nothing is overwritten), `missing` (a queue),
 * `denied`, `quota`, `invalid`, `unsupported`, `corrupt`, and not live `unavailable`.
 */
export async function replicate(
  source: Store | Backend,
  target: Store | Backend,
  options: ReplicateOptions = {},
): Promise<ReplicationReport> {
  const { Replication } = await loadPart('replication', () => import('./replication.js'))
  return await new Replication(source, target, options).run()
}
