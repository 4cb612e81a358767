// What agents' checkpointers are told off for: a conversation that grows is stored again with every step.

import { emptyCheckpoint, uuid6 } from '@langchain/langgraph-checkpoint'
import { type Backend, openSnapshots } from 'varve'
import { memory } from 'varve/adapters/memory'
import { type Checkpointer, openCheckpointer } from 'varve/integrations/langgraph'
import { expect, test } from 'vitest'

const STEPS = 60
const MESSAGE_CHARACTERS = 5_000
const MOST_SHARE = 0.1
const MOST_LEFT = 0.75

/** No two alike, and nothing in them that shrinks much. */
function message(n: number) {
  let state = n + 1
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state.toString(36)
  }
  let content = ''
  while (content.length < MESSAGE_CHARACTERS) content += `${next()} `
  return { id: `message-${n}`, role: n % 2 === 0 ? 'user' : 'assistant', content }
}

/** Gives the bytes of all checkpoints as plain JSON. */
async function converse(saver: Checkpointer, steps: number): Promise<number> {
  let config = { configurable: { thread_id: 'thread', checkpoint_ns: '' } } as Awaited<ReturnType<typeof saver.put>>
  const messages: unknown[] = []
  let plainBytes = 0
  for (let step = 0; step < steps; step++) {
    messages.push(message(step))
    const versions = { messages: step + 1, step: step + 1 }
    const values = { messages: [...messages], step, draft: message(steps + step) }
    const checkpoint = { ...emptyCheckpoint(), id: uuid6(step), channel_values: values, channel_versions: versions }
    plainBytes += JSON.stringify(checkpoint).length
    config = await saver.put(config, checkpoint, { source: 'loop', step, parents: {} }, versions)
  }
  expect((await saver.getTuple(config))?.checkpoint.channel_values.messages).toEqual(messages)
  return plainBytes
}

async function storedBytes(backend: Backend): Promise<number> {
  let sum = 0
  for await (const { bytes } of backend.blobs.list({ prefix: '' })) sum += bytes
  return sum
}

test('a growing conversation is stored once, not once a checkpoint', async () => {
  const backend = memory()
  const plainBytes = await converse(await openCheckpointer(backend), STEPS)
  expect((await storedBytes(backend)) / plainBytes).toBeLessThan(MOST_SHARE)
  await backend.close()
})

test('what retention removed gives its room back with the collection', async () => {
  const backend = memory()
  const saver = await openCheckpointer(backend, { keepLast: 2 })
  await converse(saver, STEPS)
  const before = await storedBytes(backend)
  const snapshots = await openSnapshots(backend)
  await snapshots.collect()
  expect((await storedBytes(backend)) / before).toBeLessThan(MOST_LEFT)
  expect((await snapshots.verify()).ok).toBe(true)
  expect((await saver.getTuple({ configurable: { thread_id: 'thread' } }))?.checkpoint.channel_values.step).toBe(STEPS - 1)
  await backend.close()
})
