// What agents' checkpointers are told off for: a conversation that grows is stored again with every step.

import { emptyCheckpoint, uuid6 } from '@langchain/langgraph-checkpoint'
import { memory } from 'varve/adapters/memory'
import { openCheckpointer } from 'varve/integrations/langgraph'
import { expect, test } from 'vitest'

const STEPS = 60
const MESSAGE_CHARACTERS = 5_000
const MOST_SHARE = 0.1

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

test('a growing conversation is stored once, not once a checkpoint', async () => {
  const backend = memory()
  const saver = await openCheckpointer(backend)
  let config = { configurable: { thread_id: 'thread', checkpoint_ns: '' } } as Awaited<ReturnType<typeof saver.put>>
  const messages: unknown[] = []
  let plainBytes = 0
  for (let step = 0; step < STEPS; step++) {
    messages.push(message(step))
    const versions = { messages: step + 1, step: step + 1 }
    const checkpoint = {
      ...emptyCheckpoint(),
      id: uuid6(step),
      channel_values: { messages: [...messages], step },
      channel_versions: versions,
    }
    plainBytes += JSON.stringify(checkpoint).length
    config = await saver.put(config, checkpoint, { source: 'loop', step, parents: {} }, versions)
  }
  let storedBytes = 0
  for await (const { bytes } of backend.blobs.list({ prefix: '' })) storedBytes += bytes
  expect(storedBytes / plainBytes).toBeLessThan(MOST_SHARE)
  expect((await saver.getTuple(config))?.checkpoint.channel_values.messages).toEqual(messages)
  await backend.close()
})
