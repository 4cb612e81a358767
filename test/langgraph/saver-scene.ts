// What the cases about checkpointers do again and again.

import { type Checkpoint, type CheckpointMetadata, type CheckpointTuple, emptyCheckpoint, uuid6 } from '@langchain/langgraph-checkpoint'
import { type Backend, openKv } from 'varve'
import { type CheckpointerOptions, openCheckpointer, type Checkpointer } from 'varve/integrations/langgraph'
import { backendCase, type MakeBackend, type SuiteCase } from 'varve/testing'

export const THREAD = 'thread'

export type Config = CheckpointTuple['config']
export type SaverCase = (
  name: string,
  body: (saver: Checkpointer, backend: Backend) => Promise<void>,
  options?: CheckpointerOptions,
) => SuiteCase

/** Cases that get a checkpointer on a backend of their own. */
export function saverCases(make: MakeBackend): SaverCase {
  return (name, body, options = {}) =>
    backendCase(`saver: ${name}`, make, async (backend) => {
      const saver = await openCheckpointer(backend, options)
      await body(saver, backend)
      await saver.close()
    })
}

interface PutInput {
  readonly on?: Config
  readonly thread?: string
  readonly ns?: string
  readonly values?: Record<string, unknown>
  readonly metadata?: Partial<CheckpointMetadata>
  readonly id?: string
}

/** Puts a checkpoint on another one, or a first one, with a version of 1 for each channel: as two forks have the same. */
export async function put(saver: Checkpointer, { on, thread = THREAD, ns = '', values = {}, metadata, id = uuid6(0) }: PutInput) {
  const versions = Object.fromEntries(Object.keys(values).map((channel) => [channel, 1]))
  const checkpoint: Checkpoint = { ...emptyCheckpoint(), id, channel_values: values, channel_versions: versions }
  const config = on ?? { configurable: { thread_id: thread, checkpoint_ns: ns } }
  return await saver.put(config, checkpoint, { source: 'loop', step: 0, parents: {}, ...metadata }, versions)
}

export const idOf = (config: Config | undefined): string | undefined => config?.configurable?.checkpoint_id
export const latest = (thread = THREAD, ns = '') => ({ configurable: { thread_id: thread, checkpoint_ns: ns } })

export async function valuesAt(saver: Checkpointer, config: Config): Promise<Record<string, unknown> | undefined> {
  return (await saver.getTuple(config))?.checkpoint.channel_values
}

export async function listed(saver: Checkpointer, config: Config, options = {}): Promise<(string | undefined)[]> {
  const ids: (string | undefined)[] = []
  for await (const tuple of saver.list(config, options)) ids.push(idOf(tuple.config))
  return ids
}

/** A chain of checkpoints, each on the one before. */
export async function chain(saver: Checkpointer, length: number, input: PutInput = {}) {
  const configs: Config[] = []
  for (let step = 0; step < length; step++) {
    const on = configs.at(-1)
    configs.push(await put(saver, { ...input, ...(on === undefined ? {} : { on }), values: { count: step } }))
    await saver.putWrites(configs.at(-1) as Config, [['count', step + 1]], 'task')
  }
  return configs
}

export async function keysOfWrites(backend: Backend, thread = THREAD): Promise<number> {
  const kv = await openKv(backend, `langgraph/langgraph/${thread}`, { codec: 'structured' })
  let count = 0
  for await (const _ of kv.keys()) count++
  await kv.close()
  return count
}
