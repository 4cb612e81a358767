// What LangGraph passes around as `config.configurable`: the place of a checkpoint, by three names.

import type { RunnableConfig } from '@langchain/core/runnables'
import { getCheckpointId } from '@langchain/langgraph-checkpoint'
import { StorageError } from '../../core/base/errors.js'

/** A thread and a namespace of it: '' is the graph itself, others are those of subgraphs. */
export interface Place {
  readonly thread: string
  readonly ns: string
}

/** What a config names; of what it leaves out nothing is made up. */
export interface Wanted {
  readonly thread?: string
  readonly ns?: string
  readonly checkpoint?: string
}

export function wantedBy(config: RunnableConfig | undefined): Wanted {
  const { thread_id, checkpoint_ns } = config?.configurable ?? {}
  const checkpoint: unknown = config === undefined ? undefined : getCheckpointId(config) || undefined
  return {
    ...text('thread_id', 'thread', thread_id),
    ...text('checkpoint_ns', 'ns', checkpoint_ns),
    ...text('checkpoint_id', 'checkpoint', checkpoint),
  }
}

/** Throws `invalid` without a thread. */
export function placeOf(config: RunnableConfig, operation: string): Place & Wanted {
  const wanted = wantedBy(config)
  if (wanted.thread === undefined) {
    const message = 'the config names no thread; pass { configurable: { thread_id } }'
    throw new StorageError('invalid', message, { operation })
  }
  return { ...wanted, thread: wanted.thread, ns: wanted.ns ?? '' }
}

export function configOf({ thread, ns }: Place, checkpoint: string): RunnableConfig {
  return { configurable: { thread_id: thread, checkpoint_ns: ns, checkpoint_id: checkpoint } }
}

function text<Name extends string>(field: string, name: Name, value: unknown): { readonly [Key in Name]?: string } {
  if (value === undefined || value === null) return {}
  if (typeof value === 'string') return { [name]: value } as { readonly [Key in Name]?: string }
  throw new StorageError('invalid', `${field} is a string`, { facts: { type: typeof value } })
}
