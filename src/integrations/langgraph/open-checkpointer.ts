import type { BaseCheckpointSaver, SerializerProtocol } from '@langchain/langgraph-checkpoint'
import { StorageError } from '../../core/base/errors.js'
import { checkName } from '../../core/base/key.js'
import type { Store } from '../../core/derived/store-context.js'
import { openSnapshots } from '../../core/features/snapshots/open-snapshots.js'
import type { SnapshotsOptions } from '../../core/features/snapshots/types.js'
import type { Backend } from '../../core/ports/backend.js'
import type { Handle } from '../../core/ports/options.js'
import type { StoredCheckpoint } from './checkpoint-content.js'
import { CheckpointIndex } from './checkpoint-index.js'
import { PendingWrites } from './pending-writes.js'
import { VarveSaver } from './varve-saver.js'

/** `compression` and `compressions` are those of snapshots. */
export interface CheckpointerOptions extends Pick<SnapshotsOptions, 'compression' | 'compressions'> {
  /** The agent whose snapshots the checkpoints are; default `langgraph`. Two checkpointers of different agents share nothing. */
  readonly agent?: string
  /**
   * How many checkpoints of a thread's namespace stay, at least 1; default all. Older ones go with their writes after a put,
   * except those that a kept one's delta channels are rebuilt from. So do the namespaces of subgraphs' runs under them.
   */
  readonly keepLast?: number
  /** LangGraph's serializer; default its own. */
  readonly serde?: SerializerProtocol
}

/**
 * Pass it as `checkpointer` to `graph.compile`. Rejections are `StorageError`s; calls after `close()`, or after the store was
 * closed, are `closed`. Closing it leaves the store open.
 */
export type Checkpointer = BaseCheckpointSaver & Handle

/**
 * Opens a LangGraph checkpointer on a store (or a bare backend): each checkpoint is a snapshot of the session `thread_id`, on a
 * branch of its `checkpoint_ns`, so that values that did not change are not stored again. Nothing is written before the first
 * put. `unsupported` where the backend cannot compare and set, `denied` where the store's snapshots are encrypted on their own
 * (encrypt the backend instead), `invalid` for bad options.
 */
export async function openCheckpointer(source: Store | Backend, options: CheckpointerOptions = {}): Promise<Checkpointer> {
  const { agent = 'langgraph', keepLast, serde, ...shared } = options
  checkName('agent', agent)
  if (keepLast !== undefined && !(Number.isInteger(keepLast) && keepLast >= 1)) {
    throw new StorageError('invalid', 'keepLast is a whole number of at least 1', { operation: 'openCheckpointer', facts: { keepLast } })
  }
  const asJson = await openSnapshots<StoredCheckpoint>(source, shared)
  const withBytes = await openSnapshots<StoredCheckpoint>(source, { ...shared, codec: 'structured' })
  const index = new CheckpointIndex(agent, { asJson, withBytes })
  return new VarveSaver({ index, writes: new PendingWrites(source, agent), keepLast }, serde)
}
