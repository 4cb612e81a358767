// Checkpoints among snapshots: agent > session (thread) > branch (namespace), found by a tag (checkpoint id). The latest is the
// one that was saved last, which clocks that differ between machines cannot change.

import { utf8 } from '../../core/base/bytes.js'
import { isStorageError, StorageError } from '../../core/base/errors.js'
import type { Json } from '../../core/codec/codec.js'
import { sha256Hex } from '../../core/codec/hash.js'
import type { Snapshots } from '../../core/features/snapshots/snapshots.js'
import type { SnapshotInfo } from '../../core/features/snapshots/types.js'
import type { Place, Wanted } from './checkpoint-config.js'
import { holdsBytes, type StoredCheckpoint } from './checkpoint-content.js'

const BRANCH = 'ns:'
const HASHED_BRANCH = 'ns#'
const MAX_BRANCH_BYTES = 255

/** What is known of a checkpoint without its content; all but the place is the snapshot's metadata. */
export interface CheckpointEntry extends Place, CheckpointLinks {
  readonly snapshot: string
}

export interface CheckpointLinks {
  readonly checkpoint: string
  /** The checkpoint it was made from. */
  readonly parent?: string
  /** Of a subgraph's: the checkpoint of the graph around it under which it ran. */
  readonly under?: string
  /** Delta channels whose value is not stored here: it is rebuilt from the writes of ancestors. */
  readonly lacks?: readonly string[]
}

interface Metadata extends CheckpointLinks {
  /** Where the branch is only a hash of it. */
  readonly ns?: string
}

/** Both read all; they differ in how states are written. */
export interface CheckpointSnapshots {
  readonly asJson: Snapshots<StoredCheckpoint>
  readonly withBytes: Snapshots<StoredCheckpoint>
}

export class CheckpointIndex {
  readonly #agent: string
  readonly #snapshots: CheckpointSnapshots

  constructor(agent: string, snapshots: CheckpointSnapshots) {
    this.#agent = agent
    this.#snapshots = snapshots
  }

  async save(place: Place, links: CheckpointLinks, state: StoredCheckpoint): Promise<void> {
    const snapshots = holdsBytes(state) ? this.#snapshots.withBytes : this.#snapshots.asJson
    const branch = await branchOf(place.ns)
    const metadata: Metadata = branch.startsWith(BRANCH) ? links : { ...links, ns: place.ns }
    const details = {
      agent: this.#agent,
      session: place.thread,
      branch,
      tags: [links.checkpoint],
      metadata: metadata as unknown as Json,
      state,
    }
    const parent = links.parent === undefined ? undefined : await this.find({ ...place, checkpoint: links.parent })
    if (parent === undefined) return void (await snapshots.save(details))
    try {
      await snapshots.save({ ...details, parent: parent.snapshot })
    } catch (error) {
      if (!isStorageError(error, 'missing')) throw error
      await snapshots.save(details) // it was removed meanwhile: the link by its id stays
    }
  }

  /** The checkpoint, or the latest of the place. */
  async find({ thread, ns, checkpoint }: Place & Wanted): Promise<CheckpointEntry | undefined> {
    const branch = { agent: this.#agent, session: thread, branch: await branchOf(ns) }
    if (checkpoint === undefined) return entryOf(await this.#snapshots.asJson.latest(branch))
    for await (const info of this.#snapshots.asJson.list({ ...branch, tag: checkpoint, limit: 1 })) return entryOf(info)
    return undefined
  }

  /** Newest first; an older one of the same id is left out. */
  async *list(wanted: Wanted): AsyncGenerator<CheckpointEntry> {
    const seen = new Set<string>()
    for await (const entry of this.all(wanted)) {
      const id = JSON.stringify([entry.thread, entry.ns, entry.checkpoint])
      if (!seen.has(id)) yield entry
      seen.add(id)
    }
  }

  /** Newest first, with those whose id was put again since. */
  async *all({ thread, ns, checkpoint }: Wanted): AsyncGenerator<CheckpointEntry> {
    const branch = {
      ...(thread === undefined ? {} : { session: thread }),
      ...(ns === undefined ? {} : { branch: await branchOf(ns) }),
      ...(checkpoint === undefined ? {} : { tag: checkpoint }),
    }
    for await (const info of this.#snapshots.asJson.list({ agent: this.#agent, ...branch })) {
      const entry = entryOf(info)
      if (entry !== undefined) yield entry
    }
  }

  /** undefined when it was removed meanwhile. */
  async load(entry: CheckpointEntry): Promise<StoredCheckpoint | undefined> {
    try {
      return await this.#snapshots.asJson.load(entry.snapshot)
    } catch (error) {
      if (isStorageError(error, 'missing')) return undefined
      throw error
    }
  }

  async remove(entry: CheckpointEntry): Promise<void> {
    await this.#snapshots.asJson.delete(entry.snapshot)
  }

  async removeThread(thread: string): Promise<void> {
    await this.#snapshots.asJson.delete({ agent: this.#agent, session: thread })
  }

  async close(): Promise<void> {
    await this.#snapshots.asJson.close()
    await this.#snapshots.withBytes.close()
  }
}

/** Namespaces of nested subgraphs grow with each level; a branch has a longest name. */
async function branchOf(ns: string): Promise<string> {
  const branch = BRANCH + ns
  return utf8(branch).length <= MAX_BRANCH_BYTES ? branch : HASHED_BRANCH + (await sha256Hex(utf8(ns)))
}

/** undefined for a snapshot that no checkpointer saved. */
function entryOf(info: SnapshotInfo | undefined): CheckpointEntry | undefined {
  if (info?.damaged !== undefined) throw new StorageError('corrupt', `a checkpoint cannot be read: ${info.damaged}`, { key: info.id })
  const metadata = info?.metadata as unknown as Metadata | undefined
  if (info === undefined || typeof metadata?.checkpoint !== 'string') return undefined
  return { ns: info.branch.slice(BRANCH.length), ...metadata, thread: info.session, snapshot: info.id }
}
