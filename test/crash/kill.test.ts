import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openQueue, openStore, type Queue, type QueueOptions } from 'varve'
import { nodeFs } from 'varve/adapters/node-fs'
import { seededRandom } from 'varve/testing'
import { expect, test } from 'vitest'
import { SCALE, SEED, tally } from '../tally.js'

const LIVES = 500 * SCALE
/** A directory is killed so often; then another begins, with other buckets. */
const LIVES_OF_A_DIRECTORY = 25
/** Processes at once: one is born while another is killed. */
const LANES = 2
const APPENDER = fileURLToPath(new URL('./appender.mjs', import.meta.url))
const SYNCS: readonly QueueOptions<string>['sync'][] = ['always', 'always', 'never', { everyMs: 5 }, { everyRecords: 7 }]

type Receipt = readonly [bucket: number, offset: number, value: string]

/** What the appender is told, and when it dies: so many receipts heard, or so many ms after it was told. */
interface Life {
  readonly callers: number
  readonly batch: number
  readonly bytes: number
  readonly options: QueueOptions<string>
  readonly dies: { readonly receipts: number } | { readonly afterMs: number }
}

function drawLife(random: () => number, fixed: Pick<QueueOptions<string>, 'buckets' | 'format'>): Life {
  const below = (limit: number): number => Math.floor(random() * limit)
  const sync = SYNCS[below(SYNCS.length)] ?? 'always'
  const segmentBytes = 1_000 * 4 ** below(5)
  const dies = below(4) === 0 ? { afterMs: below(25) } : { receipts: 1 + below(150) }
  return { callers: 1 + below(8), batch: 1 + below(5), bytes: 1 + below(400), options: { ...fixed, sync, segmentBytes }, dies }
}

/** Processes that have started and wait for their life; the next one starts while the last one lives. */
class Nursery {
  #next: Promise<ChildProcess> | undefined

  async take(): Promise<ChildProcess> {
    const child = await (this.#next ?? this.#born())
    this.#next = this.#born()
    this.#next.catch(() => {})
    return child
  }

  async close(): Promise<void> {
    const child = await this.#next?.catch(() => undefined)
    child?.kill('SIGKILL')
  }

  async #born(): Promise<ChildProcess> {
    const child = spawn(process.execPath, [APPENDER], { stdio: ['pipe', 'pipe', 'inherit'] })
    child.stdout.setEncoding('utf8')
    const [said] = (await once(child.stdout, 'data')) as [string]
    if (said !== 'ready\n') throw new Error(`the appender said ${said}`)
    return child
  }
}

/** Gives all that the process said before it died. */
async function liveAndDie(child: ChildProcess, directory: string, name: string, { dies, ...life }: Life): Promise<readonly Receipt[]> {
  const ended = once(child, 'close')
  let said = ''
  let lines = 0
  child.stdout?.on('data', (text: string) => {
    said += text
    lines += text.split('\n').length - 1
    if ('receipts' in dies && lines >= dies.receipts) child.kill('SIGKILL')
  })
  child.stdin?.write(`${JSON.stringify({ ...life, directory, life: name })}\n`)
  if ('afterMs' in dies) setTimeout(() => child.kill('SIGKILL'), dies.afterMs)
  await ended
  expect(child.signalCode).toBe('SIGKILL')
  const whole = said.slice(0, said.lastIndexOf('\n') + 1).split('\n')
  return whole.filter((line) => line !== '').map((line) => JSON.parse(line) as Receipt)
}

type Content = readonly (readonly string[])[]

async function readAll(directory: string, mode?: 'read'): Promise<Content> {
  const backend = nodeFs({ directory })
  const store = await openStore(backend, mode === undefined ? {} : { mode })
  try {
    const queue = await openQueue<string>(store, 'q', { create: false })
    return await Promise.all(Array.from({ length: queue.buckets }, (_, bucket) => readBucket(queue, bucket)))
  } finally {
    await store.close()
    await backend.close()
  }
}

async function readBucket(queue: Queue<string>, bucket: number): Promise<readonly string[]> {
  const values: string[] = []
  for (;;) {
    const records = await queue.read({ bucket, from: values.length, limit: 10_000 })
    if (records.length === 0) return values
    expect(records.every(({ offset }, index) => offset === values.length + index)).toBe(true)
    for (const { value } of records) values.push(value)
  }
}

interface Counted {
  lives: number
  receipts: number
}

/** Killed again and again; after each death all that was acknowledged is there, and all that a reader has ever seen. */
async function killDirectory(nursery: Nursery, seed: number, counted: Counted): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'varve-kill-'))
  const random = seededRandom(seed)
  const buckets = 1 + Math.floor(random() * 4)
  const format = seed % 4 === 0 ? 'ndjson' : 'binary'
  const receipts: Receipt[] = []
  let seen: Content = []
  try {
    for (let life = 0; life < LIVES_OF_A_DIRECTORY && counted.lives < LIVES; life++) {
      counted.lives++
      const drawn = drawLife(random, { buckets, format })
      receipts.push(...(await liveAndDie(await nursery.take(), directory, `${seed}.${life}`, drawn)))
      if (receipts.length === 0) continue // it may have died before it made the queue
      const where = `seed ${seed}, life ${life}: ${JSON.stringify(drawn)}`
      const content = await readAll(directory, random() < 0.5 ? 'read' : undefined)
      for (const [bucket, offset, value] of receipts) expect(content[bucket]?.[offset], where).toBe(value)
      for (const [bucket, values] of seen.entries()) expect(content[bucket]?.slice(0, values.length), where).toEqual(values)
      expect(new Set(content.flat()).size, where).toBe(content.flat().length)
      seen = content
    }
    counted.receipts += receipts.length
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

test(
  `processes killed ${LIVES} times while they append, each with other options, lose nothing that they were told is stored`,
  async () => {
    const begun = performance.now()
    const counted: Counted = { lives: 0, receipts: 0 }
    let seed = SEED * 1000
    await Promise.all(
      Array.from({ length: LANES }, async () => {
        const nursery = new Nursery()
        try {
          while (counted.lives < LIVES) await killDirectory(nursery, seed++, counted)
        } finally {
          await nursery.close()
        }
      }),
    )
    console.log(`${counted.lives} kills, ${counted.receipts} acknowledged records, all there`)
    tally({ row: 'real kill -9', ran: counted.lives, seed: SEED, ms: performance.now() - begun })
  },
  300_000 * SCALE,
)
