import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openQueue, openStore, type Queue, replicate, type Store } from 'varve'
import { nodeFs } from 'varve/adapters/node-fs'
import { seededRandom } from 'varve/testing'
import { expect, test } from 'vitest'
import { SCALE, SEED, tally } from '../tally.js'

const LIVES = 25 * SCALE
const BUCKETS = 3
const REPLICATOR = fileURLToPath(new URL('./replicator.mjs', import.meta.url))

/** Killed after it has said so many lines. Gives the furthest that it said of each bucket. */
async function replicateAndDie(source: string, target: string, lines: number): Promise<readonly number[]> {
  const child = spawn(process.execPath, [REPLICATOR, source, target], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  let said = ''
  child.stdout.on('data', (text) => {
    said += text
    if (said.split('\n').length > lines) child.kill('SIGKILL')
  })
  await ended
  expect(child.signalCode).toBe('SIGKILL')
  const furthest = Array.from({ length: BUCKETS }, () => 0)
  for (const line of said.slice(0, said.lastIndexOf('\n')).split('\n')) {
    const [bucket = 0, next = 0] = line.split(' ').map(Number)
    furthest[bucket] = Math.max(furthest[bucket] ?? 0, next)
  }
  return furthest
}

async function contentOf(store: Store) {
  const queue = await openQueue<string>(store, 'q', { create: false })
  const content = []
  for (let bucket = 0; bucket < queue.buckets; bucket++) content.push(await queue.read({ bucket, limit: 10_000 }))
  await queue.close()
  return content
}

/** Appends until it is told to stop; waits for a turn now and then, so that the test goes on. */
async function appendUntil(queue: Queue<string>, isOver: () => boolean): Promise<void> {
  for (let n = 0; !isOver(); n++) {
    await queue.appendRecords([{ value: `${n}`, key: `${n % 7}` }])
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

test(
  `a replicating process killed ${LIVES} times, beside a source that is appended to, copies every record once`,
  async () => {
    const begun = performance.now()
    const folder = await mkdtemp(join(tmpdir(), 'varve-replicate-kill-'))
    const random = seededRandom(SEED)
    const [from, to] = [join(folder, 'source'), join(folder, 'target')]
    const backend = nodeFs({ directory: from })
    const source = await openStore(backend)
    const queue = await openQueue<string>(source, 'q', { buckets: BUCKETS, segmentBytes: 4_000 })
    try {
      let isOver = false
      const appending = appendUntil(queue, () => isOver)
      for (let life = 0; life < LIVES; life++) {
        const said = await replicateAndDie(from, to, 1 + Math.floor(random() * 40))
        const target = nodeFs({ directory: to })
        const store = await openStore(target, { mode: 'read' })
        const copied = await contentOf(store)
        for (const [bucket, next] of said.entries()) expect(copied[bucket]?.length).toBeGreaterThanOrEqual(next)
        await store.close()
        await target.close()
      }
      isOver = true
      await appending
      const target = nodeFs({ directory: to })
      const store = await openStore(target)
      await replicate(source, store)
      expect(await contentOf(store)).toEqual(await contentOf(source))
      await store.close()
      await target.close()
      tally({ row: 'real kill -9: replication', ran: LIVES, seed: SEED, ms: performance.now() - begun })
    } finally {
      await source.close()
      await backend.close()
      await rm(folder, { recursive: true, force: true })
    }
  },
  300_000 * SCALE,
)
