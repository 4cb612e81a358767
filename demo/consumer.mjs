// The process that is killed, and the one that takes over: consumes the queue with a group, folds, snapshots, and tells its
// parent how far it is. The job comes as JSON in the first argument.

import { setTimeout as sleep } from 'node:timers/promises'
import { isStorageError, openQueue, openSnapshots } from 'varve'
import { Folding } from './folding.mjs'
import { GROUP, QUEUE, VISIBILITY_MS } from './names.mjs'
import { withDirectory } from './store.mjs'

const LIMIT = 500
/** A dead owner on the same machine is known at once; one that cannot be asked counts as dead after 30 s. */
const TAKE_OVER_MS = 45_000
const RETRY_MS = 100

process.on('disconnect', () => process.exit(1))

try {
  await consumeWhenFree(JSON.parse(process.argv[2]))
  process.removeAllListeners('disconnect')
  process.disconnect()
} catch (error) {
  await tell({ type: 'failed', message: error.stack })
  process.exit(1)
}

async function consume(store, { sumField, every, reportEvery }, waitedMs) {
  const queue = await openQueue(store, QUEUE, { create: false })
  const group = await queue.group(GROUP, { visibilityMs: VISIBILITY_MS })
  const folding = new Folding({ queue, snapshots: await openSnapshots(store), sumField, every })
  await folding.restore(await group.committed())
  await work(group, folding, reportEvery)
  await folding.finish()
  await tell({ type: 'done', waitedMs, ...folding.counters })
  // The parent lets go only of a consumer that it did not mean to kill.
  await new Promise((resolve) => process.once('message', resolve))
}

/** Until everything is acknowledged: also what a dead consumer had taken, once its time is over. */
async function work(group, folding, reportEvery) {
  let taken = 0
  for (;;) {
    const deliveries = await group.receive({ limit: LIMIT, waitMs: 100 })
    if (deliveries.length === 0 && (await group.lag()).total === 0) return
    for (const delivery of deliveries) {
      await folding.take(delivery)
      if (++taken % reportEvery === 0) process.send({ type: 'progress', taken })
    }
    await group.ack(deliveries)
  }
}

/** The lock of a killed owner is stale: whoever asks next takes it over. */
async function consumeWhenFree({ directory, ...job }) {
  const begun = performance.now()
  for (;;) {
    let isOpen = false
    try {
      return await withDirectory(directory, async (store) => {
        isOpen = true
        await consume(store, job, performance.now() - begun)
      })
    } catch (error) {
      if (isOpen || !isStorageError(error, 'denied') || performance.now() - begun > TAKE_OVER_MS) throw error
      await sleep(RETRY_MS)
    }
  }
}

function tell(message) {
  return new Promise((resolve) => process.send(message, resolve))
}
