// Writes of tasks whose superstep is not done. They are kept apart from the checkpoints, since they may be put before the
// checkpoint they belong to, and by many tasks at once: one key a task, so that none waits for another.

import type { CheckpointPendingWrite, PendingWrite, SerializerProtocol } from '@langchain/langgraph-checkpoint'
import { WRITES_IDX_MAP } from '@langchain/langgraph-checkpoint'
import { utf8 } from '../../core/base/bytes.js'
import { StorageError } from '../../core/base/errors.js'
import { sha256Hex } from '../../core/codec/hash.js'
import type { Store } from '../../core/derived/store-context.js'
import { openKv } from '../../core/features/kv/open-kv.js'
import type { Kv } from '../../core/features/kv/types.js'
import type { Backend } from '../../core/ports/backend.js'
import type { Place } from './checkpoint-config.js'

const MAX_NAME_BYTES = 255
const HASH_DIGITS = 32

export interface CheckpointPlace extends Place {
  readonly checkpoint: string
}

interface StoredWrite {
  /** Of the write in its call; negative for errors, interrupts and the like, which have a place of their own. */
  readonly idx: number
  readonly channel: string
  /** Where the task comes from: orders the writes of a superstep. */
  readonly path: string
  readonly type: string
  readonly bytes: Uint8Array
}

interface TaskWrites {
  readonly ns: string
  readonly checkpoint: string
  readonly task: string
  readonly writes: readonly StoredWrite[]
}

type Writes = Record<string, TaskWrites>

export class PendingWrites {
  readonly #source: Store | Backend
  readonly #agent: string

  constructor(source: Store | Backend, agent: string) {
    this.#source = source
    this.#agent = agent
  }

  /** All or none. What a task wrote before under the same index stays, so that a call may be repeated; errors and the like are replaced. */
  async put(place: CheckpointPlace, fresh: readonly StoredWrite[], task: string): Promise<void> {
    const key = (await prefixOf(place)) + (await bounded(task, MAX_NAME_BYTES - HASH_DIGITS - 1))
    const { ns, checkpoint } = place
    await this.#inThread(place.thread, (kv) =>
      kv.update(key, (stored) => ({ ns, checkpoint, task, writes: merged(stored?.writes ?? [], fresh) })),
    )
  }

  /** In the order in which a superstep applies them: by path, task and index. */
  async read(serde: SerializerProtocol, place: CheckpointPlace): Promise<CheckpointPendingWrite[]> {
    const prefix = await prefixOf(place)
    const found = await this.#inThread(place.thread, async (kv) => {
      const all: (StoredWrite & { readonly task: string })[] = []
      for await (const { value } of kv.list({ prefix })) for (const write of value.writes) all.push({ ...write, task: value.task })
      return all
    })
    found.sort((a, b) => byCodePoints(a.path, b.path) || byCodePoints(a.task, b.task) || a.idx - b.idx)
    return await Promise.all(
      found.map(async ({ task, channel, type, bytes }) => [task, channel, await serde.loadsTyped(type, bytes)] as CheckpointPendingWrite),
    )
  }

  async remove(place: CheckpointPlace): Promise<void> {
    const prefix = await prefixOf(place)
    await this.#inThread(place.thread, (kv) => kv.clear({ prefix }))
  }

  async removeThread(thread: string): Promise<void> {
    await this.#inThread(thread, (kv) => kv.clear())
  }

  /** A namespace a thread: to look for the writes of a checkpoint never goes through those of other threads. */
  async #inThread<Result>(thread: string, act: (kv: Kv<Writes>) => Promise<Result>): Promise<Result> {
    const namespace = await bounded(`langgraph/${this.#agent}/${thread}`, MAX_NAME_BYTES)
    const kv = await openKv<Writes>(this.#source, namespace, { codec: 'structured' })
    try {
      return await act(kv)
    } finally {
      await kv.close()
    }
  }
}

/** Calls the serializer for all of them before it first waits. */
export async function writeWrites(serde: SerializerProtocol, writes: readonly PendingWrite[], path: string): Promise<StoredWrite[]> {
  return await Promise.all(
    writes.map(async ([channel, value], position) => {
      const [type, bytes] = await serde.dumpsTyped(value)
      return { idx: WRITES_IDX_MAP[channel] ?? position, channel, path, type, bytes }
    }),
  )
}

function merged(stored: readonly StoredWrite[], fresh: readonly StoredWrite[]): readonly StoredWrite[] {
  const byIdx = new Map(stored.map((write) => [write.idx, write]))
  for (const write of fresh) if (write.idx < 0 || !byIdx.has(write.idx)) byIdx.set(write.idx, write)
  return [...byIdx.values()]
}

async function prefixOf({ ns, checkpoint }: CheckpointPlace): Promise<string> {
  return `${(await sha256Hex(utf8(JSON.stringify([ns, checkpoint])))).slice(0, HASH_DIGITS)}/`
}

/** The name, or a hash of it where it is too long. */
async function bounded(name: string, maxBytes: number): Promise<string> {
  if (name === '') throw new StorageError('invalid', 'thread_id and task ids are not empty')
  return utf8(name).length <= maxBytes ? name : `#${await sha256Hex(utf8(name))}`
}

/** The order of Python's strings, which LangGraph applies writes in: UTF-16 has another one beyond U+FFFF. */
function byCodePoints(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)]
  const at = left.findIndex((character, index) => character !== right[index])
  if (at < 0) return left.length - right.length
  return (left[at]?.codePointAt(0) ?? 0) - (right[at]?.codePointAt(0) ?? -1)
}
