// Every operation of opening and of a put may fail, or come through and lose its answer: the checkpoint is there whole or not at all, the one
// before stays, and the call may be repeated.

import { type CheckpointTuple, emptyCheckpoint, uuid6 } from '@langchain/langgraph-checkpoint'
import { memory } from 'varve/adapters/memory'
import { openCheckpointer, type Checkpointer } from 'varve/integrations/langgraph'
import { type FaultRule, faulty } from 'varve/testing'
import { expect, test } from 'vitest'

const MOST_OPERATIONS = 200
const latest = { configurable: { thread_id: 'thread', checkpoint_ns: '' } }

async function put(saver: Checkpointer, config: CheckpointTuple['config'], id: string, n: number) {
  const values = { messages: Array.from({ length: n }, (_, i) => `message ${i}`) }
  const checkpoint = { ...emptyCheckpoint(), id, channel_values: values, channel_versions: { messages: n } }
  return await saver.put(config, checkpoint, { source: 'loop', step: n, parents: {} }, { messages: n })
}

/** Says how many rules struck; 0 when the calls make fewer operations. */
async function strike(rule: FaultRule): Promise<number> {
  const place = memory()
  const before = await openCheckpointer(place, { keepLast: 2 })
  let on = await put(before, latest, uuid6(0), 1)
  for (const n of [2, 3]) on = await put(before, on, uuid6(0), n)
  await before.putWrites(on, [['messages', ['pending']]], 'task')

  const backend = faulty(place, [rule])
  const id = uuid6(0)
  const change = async () => {
    const saver = await openCheckpointer(backend, { keepLast: 2 })
    await put(saver, on, id, 4)
    await saver.putWrites({ configurable: { ...latest.configurable, checkpoint_id: id } }, [['messages', ['more']]], 'task')
  }
  await change().catch(() => undefined)
  backend.heal()
  const saver = await openCheckpointer(backend)
  const seen = (await saver.getTuple(latest))?.checkpoint
  expect(seen?.channel_values.messages).toHaveLength(seen?.id === id ? 4 : 3)
  await change()
  const ids: string[] = []
  for await (const { checkpoint } of saver.list(latest)) ids.push(checkpoint.id)
  expect(ids).toEqual([id, on.configurable?.checkpoint_id])
  expect((await saver.getTuple(latest))?.pendingWrites).toEqual([['task', 'messages', ['more']]])
  expect((await saver.getTuple(on))?.pendingWrites).toEqual([['task', 'messages', ['pending']]])
  await place.close()
  return backend.struck
}

test.each(['fail', 'lose'] as const)('after any operation that did %s a put is whole or not there, and can be repeated', async (effect) => {
  let cases = 0
  for (let n = 1; n <= MOST_OPERATIONS; n++) {
    if ((await strike({ n, effect })) === 0) break
    cases++
  }
  expect(cases).toBeGreaterThan(10)
  expect(cases).toBeLessThan(MOST_OPERATIONS)
})
