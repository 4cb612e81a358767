// A group that nobody looks at for long finds out all the same what a crash took from it.

import { openQueue, openStore, type QueueEvent } from 'varve'
import { crashStates, type FaultBackend, faultBackend } from 'varve/testing'
import { expect, test } from 'vitest'
import { GROUP, QUEUE } from './workload.js'

/** A group has gone past records that a power failure takes: the log ends below it. */
async function shortened(): Promise<FaultBackend> {
  const backend = faultBackend()
  const queue = await openQueue<string>(await openStore(backend), QUEUE, { sync: 'never' })
  const group = await queue.group(GROUP)
  for (let n = 0; n < 8; n++) {
    await queue.append(`old ${n}`)
    for (const delivery of await group.receive()) await delivery.ack()
    if (n === 4) await queue.flush()
  }
  const states = [...crashStates(backend.recording, { failures: ['power'], from: backend.recording.operations.length })]
  for (const state of states) {
    const left = state.open()
    const store = await openStore(left)
    const length = (await (await openQueue<string>(store, QUEUE)).stats()).buckets[0]?.next
    await store.close()
    if (length === 5) return left.another()
  }
  throw new Error('no crash left five records')
}

test.each([1, 3, 70, 200])('a position past a dropped tail goes back and is reported, %i sessions later', async (sessions) => {
  let backend = await shortened()
  for (let session = 0; session < sessions; session++) {
    const store = await openStore(backend)
    await (await openQueue<string>(store, QUEUE)).append(`new ${session}`)
    await store.close()
    backend = backend.another()
  }
  const queue = await openQueue<string>(await openStore(backend), QUEUE)
  const events: QueueEvent[] = []
  queue.watch((event) => events.push(event))
  const group = await queue.group(GROUP)
  expect(events).toContainEqual({ type: 'rewound', group: GROUP, bucket: 0, from: 8, to: 5 })
  const delivered = (await group.receive({ limit: 500 })).map(({ offset, value }) => [offset, value])
  expect(delivered).toEqual(Array.from({ length: sessions }, (_, n) => [5 + n, `new ${n}`]))
})
