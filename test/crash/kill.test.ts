import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openQueue, openStore, type StoredRecord } from 'varve'
import { nodeFs } from 'varve/adapters/node-fs'
import { seededRandom } from 'varve/testing'
import { expect, test } from 'vitest'
import { SCALE, SEED, tally } from '../tally.js'

const ROUNDS = 30 * SCALE
const APPENDER = fileURLToPath(new URL('./appender.mjs', import.meta.url))

type Receipt = readonly [bucket: number, offset: number, value: string]

/** Runs the appender and kills it when so many receipts were heard. Gives all that it said before it died. */
async function killAfter(directory: string, round: number, receipts: number): Promise<readonly Receipt[]> {
  const child = spawn(process.execPath, [APPENDER, directory, String(round), '6'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  let said = ''
  let lines = 0
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (text: string) => {
    said += text
    lines += text.split('\n').length - 1
    if (lines >= receipts) child.kill('SIGKILL')
  })
  await ended
  expect(child.signalCode).toBe('SIGKILL')
  return said
    .slice(0, said.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Receipt)
}

async function readAll(directory: string): Promise<readonly (readonly StoredRecord<string>[])[]> {
  const backend = nodeFs({ directory })
  const store = await openStore(backend)
  const queue = await openQueue<string>(store, 'q', { create: false })
  const buckets: StoredRecord<string>[][] = []
  for (let bucket = 0; bucket < queue.buckets; bucket++) {
    const records: StoredRecord<string>[] = []
    for (;;) {
      const read = await queue.read({ bucket, from: records.length, limit: 10_000 })
      if (read.length === 0) break
      records.push(...read)
    }
    buckets.push(records)
  }
  await store.close()
  await backend.close()
  return buckets
}

test(`a process killed ${ROUNDS} times while it appends loses nothing that it was told is stored`, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'varve-kill-'))
  const random = seededRandom(SEED)
  const receipts: Receipt[] = []
  const from = performance.now()
  try {
    for (let round = 0; round < ROUNDS; round++) {
      receipts.push(...(await killAfter(directory, round, 1 + Math.floor(random() * 60))))
      const buckets = await readAll(directory)
      for (const [bucket, offset, value] of receipts) expect(buckets[bucket]?.[offset]?.value, `round ${round}`).toBe(value)
      for (const records of buckets) {
        expect(new Set(records.map(({ value }) => value)).size).toBe(records.length)
        expect(records.every(({ offset }, index) => offset === index)).toBe(true)
      }
    }
    expect(receipts.length).toBeGreaterThan(ROUNDS)
    tally({ row: 'real kill -9', ran: ROUNDS, seed: SEED, ms: performance.now() - from })
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})
