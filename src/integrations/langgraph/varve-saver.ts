// LangGraph's checkpointer over snapshots and keys. A put is one snapshot: it is there whole or not at all.

import type { RunnableConfig } from '@langchain/core/runnables'
import {
  BaseCheckpointSaver,
  type ChannelVersions,
  type Checkpoint,
  type CheckpointListOptions,
  type CheckpointMetadata,
  type CheckpointTuple,
  maxChannelVersion,
  type PendingWrite,
  type SerializerProtocol,
  TASKS,
} from '@langchain/langgraph-checkpoint'
import { asyncDispose } from '../../core/base/async-dispose.js'
import { checkLimit } from '../../core/base/check-limit.js'
import { StorageError } from '../../core/base/errors.js'
import type { Handle } from '../../core/ports/options.js'
import { configOf, type Place, placeOf, wantedBy } from './checkpoint-config.js'
import { readCheckpoint, withOwnValues, writeCheckpoint } from './checkpoint-content.js'
import type { CheckpointEntry, CheckpointIndex, CheckpointLinks } from './checkpoint-index.js'
import { type PendingWrites, writeWrites } from './pending-writes.js'
import { expired, outerNamespace } from './retention.js'

/** From this format on the sends of a superstep are a channel; before, they are writes of the parent. */
const SENDS_IN_CHANNEL = 4

interface SaverParts {
  readonly index: CheckpointIndex
  readonly writes: PendingWrites
  readonly keepLast: number | undefined
}

export class VarveSaver extends BaseCheckpointSaver implements Handle {
  readonly #index: CheckpointIndex
  readonly #writes: PendingWrites
  readonly #keepLast: number | undefined

  constructor({ index, writes, keepLast }: SaverParts, serde?: SerializerProtocol) {
    super(serde)
    this.#index = index
    this.#writes = writes
    this.#keepLast = keepLast
  }

  /** The checkpoint that the config names, or the one of its thread and namespace that was put last; undefined where there is none. */
  override async getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    if (wantedBy(config).thread === undefined) return undefined
    const entry = await this.#index.find(placeOf(config, 'getTuple'))
    return entry === undefined ? undefined : await this.#tuple(entry)
  }

  /** Newest put first, of all threads and namespaces that the config leaves open. */
  override async *list(config: RunnableConfig, options: CheckpointListOptions = {}): AsyncGenerator<CheckpointTuple> {
    const { before, filter = {} } = options
    const { checkpoint: end } = wantedBy(before)
    let left = checkLimit(options.limit ?? Number.POSITIVE_INFINITY, { operation: 'list' })
    for await (const entry of this.#index.list(wantedBy(config))) {
      if (left <= 0) return
      if (end !== undefined && entry.checkpoint >= end) continue
      const tuple = await this.#tuple(entry, filter)
      if (tuple === undefined) continue
      left--
      yield tuple
    }
  }

  /**
   * Stores the checkpoint as it is at the time of the call, made from the one that the config names. With `keepLast`, older ones
   * are removed then: if that fails the put rejects although the checkpoint is stored, and may be repeated.
   */
  override async put(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    newVersions: ChannelVersions,
  ): Promise<RunnableConfig> {
    const { thread, ns, checkpoint: parent } = placeOf(config, 'put')
    const own = withOwnValues(checkpoint, newVersions, { parent, source: metadata?.source })
    const links = linksOf(ns, parent, own, metadata)
    const place = { thread, ns }
    await this.#index.save(place, links, await writeCheckpoint(this.serde, own, metadata))
    if (this.#keepLast !== undefined) await this.#removeOld(thread, this.#keepLast)
    return configOf(place, checkpoint.id)
  }

  /** Stores what a task wrote on top of a checkpoint, which need not be there yet. A call may be repeated. */
  override async putWrites(config: RunnableConfig, writes: PendingWrite[], taskId: string, taskPath = ''): Promise<void> {
    const { thread, ns, checkpoint } = placeOf(config, 'putWrites')
    if (checkpoint === undefined) {
      throw new StorageError('invalid', 'the config names no checkpoint; pass { configurable: { checkpoint_id } }', {
        operation: 'putWrites',
      })
    }
    await this.#writes.put({ thread, ns, checkpoint }, await writeWrites(this.serde, writes, taskPath), taskId)
  }

  /** Removes all checkpoints of the thread, in one step, then their writes. What is not there is no error. */
  override async deleteThread(threadId: string): Promise<void> {
    await this.#index.removeThread(threadId)
    await this.#writes.removeThread(threadId)
  }

  /** The store stays open. */
  async close(): Promise<void> {
    await this.#index.close()
  }

  [asyncDispose](): Promise<void> {
    return this.close()
  }

  /** undefined when it was removed meanwhile, or its metadata is not as the filter says. */
  async #tuple(entry: CheckpointEntry, filter: Readonly<Record<string, unknown>> = {}): Promise<CheckpointTuple | undefined> {
    const stored = await this.#index.load(entry)
    if (stored === undefined) return undefined
    const { checkpoint, metadata } = await readCheckpoint(this.serde, stored)
    if (!Object.entries(filter).every(([key, value]) => isSame((metadata as Record<string, unknown>)[key], value))) return undefined
    const withSends = checkpoint.v < SENDS_IN_CHANNEL && entry.parent !== undefined
    return {
      config: configOf(entry, entry.checkpoint),
      checkpoint: withSends ? await this.#withSends(checkpoint, { ...entry, checkpoint: entry.parent as string }) : checkpoint,
      metadata,
      pendingWrites: await this.#writes.read(this.serde, entry),
      ...(entry.parent === undefined ? {} : { parentConfig: configOf(entry, entry.parent) }),
    }
  }

  async #withSends(checkpoint: Checkpoint, parent: Place & { readonly checkpoint: string }): Promise<Checkpoint> {
    const writes = await this.#writes.read(this.serde, parent)
    const sends = writes.filter(([, channel]) => channel === TASKS).map(([, , value]) => value)
    const versions = Object.values(checkpoint.channel_versions)
    const version = versions.length > 0 ? maxChannelVersion(...versions) : this.getNextVersion(undefined)
    return {
      ...checkpoint,
      channel_values: { ...checkpoint.channel_values, [TASKS]: sends },
      channel_versions: { ...checkpoint.channel_versions, [TASKS]: version },
    }
  }

  async #removeOld(thread: string, keepLast: number): Promise<void> {
    const entries: CheckpointEntry[] = []
    for await (const entry of this.#index.all({ thread })) entries.push(entry)
    const gone = expired(entries, keepLast)
    const left = new Set(entries.filter((entry) => !gone.includes(entry)).map(({ ns, checkpoint }) => JSON.stringify([ns, checkpoint])))
    for (const entry of gone) {
      await this.#index.remove(entry)
      if (!left.has(JSON.stringify([entry.ns, entry.checkpoint]))) await this.#writes.remove(entry)
    }
  }
}

function linksOf(ns: string, parent: string | undefined, checkpoint: Checkpoint, metadata: CheckpointMetadata): CheckpointLinks {
  const under = ns === '' ? undefined : metadata?.parents?.[outerNamespace(ns)]
  const { channel_values, channel_versions } = checkpoint
  const deltas = Object.keys(metadata?.counters_since_delta_snapshot ?? {})
  const lacks = deltas.filter((channel) => channel_versions[channel] !== undefined && channel_values[channel] === undefined)
  return {
    checkpoint: checkpoint.id,
    ...(parent === undefined ? {} : { parent }),
    ...(under === undefined ? {} : { under }),
    ...(lacks.length === 0 ? {} : { lacks }),
  }
}

function isSame(value: unknown, wanted: unknown): boolean {
  return value === wanted || (typeof wanted === 'object' && JSON.stringify(value) === JSON.stringify(wanted))
}
