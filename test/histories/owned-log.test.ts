import { isStorageError, openQueue, openStore, type Store } from 'varve'
import { type FaultBackend, faultBackend } from 'varve/testing'
import { expect, test } from 'vitest'
import { caseName, drawnCases, SCALE, SEED, seedOf, tally } from '../tally.js'
import type { Call } from './linearizability.js'
import { contentOf, LogClient } from './log-client.js'
import { faultOf, type LogDoes } from './log-model.js'
import { Scheduler } from './scheduler.js'

const HISTORIES = 500 * SCALE
const SESSIONS = 5
const CALLS = 8

/** One stretch of a client as the owner; what it appends after a successor did must change nothing. */
class Session {
  readonly client: LogClient
  readonly store: Store

  constructor(store: Store, client: LogClient) {
    this.store = store
    this.client = client
  }
}

class Owners {
  readonly sessions: Session[] = []
  readonly #scheduler: Scheduler
  readonly #disk: FaultBackend
  readonly #segmentBytes: number
  denied = 0
  fenced = 0

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
    this.#disk = faultBackend()
    this.#segmentBytes = 300 * 4 ** scheduler.below(4)
  }

  /** Becomes the owner a few times: of a directory that nobody has, or by taking it from one who seems to be gone. */
  async live(name: number): Promise<void> {
    const clock = this.#scheduler.clock()
    for (let session = 0; session < SESSIONS; session++) {
      if (this.#scheduler.isChosen(0.1)) await clock.set(clock.now() - this.#scheduler.below(3_600_000))
      const store = await this.#open(clock)
      if (store === undefined) continue
      const client = new LogClient(this.#scheduler, `${name}.${session}`)
      this.sessions.push(new Session(store, client))
      await this.#own(store, client)
    }
  }

  async content(): Promise<readonly string[]> {
    this.#disk.stealLock('store', { silent: true })
    const store = await openStore(this.#disk.another())
    const content = await contentOf(await openQueue<string>(store, 'q', { create: false }))
    await store.close()
    return content
  }

  async create(): Promise<void> {
    const store = await openStore(this.#disk.another())
    await openQueue<string>(store, 'q', { segmentBytes: this.#segmentBytes })
    await store.close()
  }

  async #open(clock: ReturnType<Scheduler['clock']>): Promise<Store | undefined> {
    const backend = this.#scheduler.client(this.#disk.another())
    for (;;) {
      try {
        return await openStore(backend, { clock })
      } catch (error) {
        if (!isStorageError(error, 'denied')) throw error
        this.denied++
      }
      await this.#pause()
      if (this.#scheduler.isChosen(0.5)) this.#disk.stealLock('store', { silent: true })
    }
  }

  /** Works, now and then asleep for long; ends it in order, or is never heard of again, or is told that it was fenced. */
  async #own(store: Store, client: LogClient): Promise<void> {
    try {
      const queue = await openQueue<string>(store, 'q', { segmentBytes: this.#segmentBytes })
      for (let n = 0; n < CALLS; n++) {
        if (this.#scheduler.isChosen(0.15)) await this.#pause()
        const code = await client.change(queue)
        if (code === undefined) continue
        expect(code).toBe('fenced')
        this.fenced++
        if (this.#scheduler.isChosen(0.5)) break
      }
      if (this.#scheduler.isChosen(0.6)) await store.close()
    } catch (error) {
      if (!isStorageError(error, 'fenced')) throw error
    }
  }

  async #pause(): Promise<void> {
    for (let turns = this.#scheduler.below(40); turns >= 0; turns--) await this.#scheduler.turn()
  }
}

/** An append that was begun after a successor's was acknowledged, and is stored nevertheless. */
function intruder(sessions: readonly Session[], content: readonly string[]): string | undefined {
  const acknowledged = sessions.flatMap(({ client }) =>
    client.calls.filter(({ does }) => does.kind === 'appended').map((call) => ({ client, call })),
  )
  const firstOf = (call: Call<LogDoes>): number => (call.does.kind === 'appended' ? call.does.first : -1)
  for (const { client } of sessions) {
    const own = acknowledged.filter((one) => one.client === client).map(({ call }) => firstOf(call))
    if (own.length === 0) continue
    const successors = acknowledged.filter((one) => one.client !== client && firstOf(one.call) > Math.max(...own))
    const succeededAt = Math.min(...successors.map(({ call }) => call.returned))
    for (const { called, does } of client.calls) {
      if (called <= succeededAt || does.kind === 'read' || does.kind === 'ends') continue
      if (does.kind !== 'unknown')
        return `an append called at ${called} was answered with ${does.kind}, a successor's was acknowledged at ${succeededAt}`
      if (does.values.some((value) => content.includes(value))) return `${does.values.join()} was stored by a stale writer`
    }
  }
  return undefined
}

test(
  `${HISTORIES} histories of owners who follow each other: a stale one is fenced and changes nothing`,
  async () => {
    const begun = performance.now()
    const sum = { calls: 0, denied: 0, fenced: 0 }
    for (const n of drawnCases(HISTORIES)) {
      const scheduler = new Scheduler(seedOf(n))
      const owners = new Owners(scheduler)
      await owners.create()
      await scheduler.run([0, 1, 2].map((name) => owners.live(name)))
      const content = await owners.content()
      const calls = owners.sessions.flatMap(({ client }) => client.calls)
      const fault = faultOf(calls, content) ?? intruder(owners.sessions, content)
      expect(fault, caseName(n)).toBeUndefined()
      sum.calls += calls.length
      sum.denied += owners.denied
      sum.fenced += owners.fenced
    }
    console.log(`${HISTORIES} histories, ${sum.calls} calls, ${sum.denied} times denied, ${sum.fenced} times fenced`)
    expect(Math.min(sum.denied, sum.fenced)).toBeGreaterThan(HISTORIES)
    tally({ row: 'several writers: files', ran: HISTORIES, seed: SEED, ms: performance.now() - begun })
  },
  300_000 * SCALE,
)
