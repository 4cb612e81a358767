import type { SerializerProtocol } from '@langchain/langgraph-checkpoint'
import { StorageError } from '../../core/base/errors.js'
import { checkName } from '../../core/base/key.js'
import type { CompressionName } from '../../core/codec/compression.js'
import type { Store } from '../../core/derived/store-context.js'
import { openSnapshots } from '../../core/features/snapshots/open-snapshots.js'
import type { Backend } from '../../core/ports/backend.js'
import type { StoredCheckpoint } from './checkpoint-content.js'
import { CheckpointIndex } from './checkpoint-index.js'
import { PendingWrites } from './pending-writes.js'
import { VarveSaver } from './varve-saver.js'

export interface CheckpointerOptions {
  /** The agent whose snapshots the checkpoints are; default `langgraph`. Two checkpointers of different agents share nothing. */
  readonly agent?: string
  /**
   * How many checkpoints of a thread's namespace stay, at least 1; default all. Older ones go with their writes after a put,
   * except those that a kept one's delta channels are rebuilt from. So do the namespaces of subgraphs' runs under them.
   */
  readonly keepLast?: number
  /** Default `gzip`, as for snapshots. */
  readonly compression?: CompressionName
  /** LangGraph's serializer; default its own. */
  readonly serde?: SerializerProtocol
}

/**
 * Opens a LangGraph checkpointer on a store (or a bare backend): each checkpoint is a snapshot of the session `thread_id`, on a
 * branch of its `checkpoint_ns`, so that values that did not change are not stored again. Nothing is written before the first
 * put. `unsupported` where the backend cannot compare and set, `invalid` for bad options.
 */
export async function openCheckpointer(source: Store | Backend, options: CheckpointerOptions = {}): Promise<VarveSaver> {
  const { agent = 'langgraph', keepLast, compression, serde } = options
  checkName('agent', agent)
  if (keepLast !== undefined && !(Number.isInteger(keepLast) && keepLast >= 1)) {
    throw new StorageError('invalid', 'keepLast is a whole number of at least 1', { operation: 'openCheckpointer', facts: { keepLast } })
  }
  const shared = compression === undefined ? {} : { compression }
  const asJson = await openSnapshots<StoredCheckpoint>(source, shared)
  const withBytes = await openSnapshots<StoredCheckpoint>(source, { ...shared, codec: 'structured' })
  const index = new CheckpointIndex(agent, { asJson, withBytes })
  return new VarveSaver({ index, writes: new PendingWrites(source, agent), keepLast }, serde)
}
