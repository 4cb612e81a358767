// What every LockManager must do between the users of one backend, and between two backends over one place.

import type { Backend } from '../core/ports/backend.js'
import type { Lock, LockManager } from '../core/ports/lock-manager.js'
import { expectEqual, expectRejects, expectTrue, fail } from './assert.js'
import { type BackendSuiteOptions, backendCase, type MakeBackend, type SuiteCase } from './suite.js'

/** Cases for `backend.locks`. With `reopen`, two backends over one place exclude each other too. */
export function lockManagerSuite(make: MakeBackend, options: BackendSuiteOptions = {}): readonly SuiteCase[] {
  const suite = CASES.map((one) => backendCase(`locks: ${one.name}`, make, (backend) => one.body(locksOf(backend), backend)))
  return options.reopen === undefined ? suite : [...suite, ...reopenCases(make, options.reopen)]
}

interface Case {
  readonly name: string
  readonly body: (locks: LockManager, backend: Backend) => Promise<void>
}

const CASES: readonly Case[] = [
  {
    name: 'a free lock is had at once, a held one is refused at once with undefined',
    async body(locks) {
      const lock = await take(locks, 'a')
      expectTrue(await lock.held(), 'the lock is held')
      expectEqual(await locks.acquire('a'), undefined)
      await lock.release()
      await (await take(locks, 'a')).release()
    },
  },
  {
    name: 'names are independent of each other',
    async body(locks) {
      const a = await take(locks, 'a')
      const b = await take(locks, 'b')
      await a.release()
      expectTrue(await b.held(), 'the other lock is held')
      await b.release()
    },
  },
  {
    name: 'the owner is told while it is held',
    async body(locks) {
      expectEqual(await locks.owner('a'), undefined)
      const lock = await take(locks, 'a')
      expectTrue(await locks.owner('a'), 'an owner is named')
      await lock.release()
      expectEqual(await locks.owner('a'), undefined)
    },
  },
  {
    name: 'one who waits gets it when it is released, and the holder hears that somebody waits',
    async body(locks) {
      const first = await take(locks, 'a')
      expectEqual(first.contended.aborted, false)
      const contended = aborts(first.contended)
      const waiting = locks.acquire('a', { wait: true })
      await contended
      expectTrue(await first.held(), 'the holder keeps it')
      await first.release()
      const second = await waiting
      expectTrue(second !== undefined && (await second.held()), 'the waiting one holds it')
      await second?.release()
    },
  },
  {
    name: 'tokens rise with every holder',
    async body(locks) {
      let last = -1
      for (let i = 0; i < 5; i++) {
        const lock = await take(locks, 'a')
        expectTrue(lock.token > last, 'the token is greater')
        last = lock.token
        await lock.release()
      }
    },
  },
  {
    name: 'of 20 at once exactly one gets it, and 20 who wait are never two at a time',
    async body(locks) {
      const got = (await Promise.all(Array.from({ length: 20 }, () => locks.acquire('a')))).filter((lock) => lock !== undefined)
      expectEqual(got.length, 1, 'the number of holders')
      await got[0]?.release()
      let inside = 0
      let done = 0
      await Promise.all(
        Array.from({ length: 20 }, async () => {
          const lock = await locks.acquire('a', { wait: true })
          expectEqual(++inside, 1, 'holders at once')
          await Promise.resolve()
          done++
          inside--
          await lock?.release()
        }),
      )
      expectEqual(done, 20)
    },
  },
  {
    name: 'shared holders go together, an exclusive one alone',
    async body(locks) {
      const one = await take(locks, 'a', 'shared')
      const two = await take(locks, 'a', 'shared')
      expectEqual(await locks.acquire('a'), undefined)
      const waiting = locks.acquire('a', { wait: true })
      await one.release()
      expectTrue(await two.held(), 'the other shared holder keeps it')
      await two.release()
      const exclusive = await waiting
      expectEqual(await locks.acquire('a', { mode: 'shared' }), undefined)
      await exclusive?.release()
    },
  },
  {
    name: 'releasing twice is harmless, and a released lock is not held',
    async body(locks) {
      const lock = await take(locks, 'a')
      await lock.release()
      await lock.release()
      expectEqual(await lock.held(), false)
      const next = await take(locks, 'a')
      await lock.release()
      expectTrue(await next.held(), 'the next holder keeps it')
      await next.release()
    },
  },
  {
    name: 'waiting ends with the signal, and the place in the queue is given up',
    async body(locks) {
      const first = await take(locks, 'a')
      const controller = new AbortController()
      const reason = new Error('stop')
      const waiting = locks.acquire('a', { wait: true, signal: controller.signal })
      controller.abort(reason)
      const error: unknown = await expectRejects(waiting)
      if (error !== reason) fail(`acquire rejected with ${String(error)} instead of the signal's reason`)
      await first.release()
      await (await take(locks, 'a')).release()
      const late: unknown = await expectRejects(() => locks.acquire('a', { signal: AbortSignal.abort(reason) }))
      if (late !== reason) fail('acquire did not reject with the reason of an aborted signal')
      await (await take(locks, 'a')).release()
    },
  },
  {
    name: 'closing the backend ends waiting and refuses new calls',
    async body(locks, backend) {
      await take(locks, 'a')
      const waiting = expectRejects(locks.acquire('a', { wait: true }))
      await backend.close()
      await waiting
      await expectRejects(() => locks.acquire('b'), 'closed')
    },
  },
]

function reopenCases(make: MakeBackend, reopen: (backend: Backend) => Promise<Backend>): readonly SuiteCase[] {
  const twoCase = (name: string, body: (first: Backend, second: Backend) => Promise<void>): SuiteCase =>
    backendCase(`locks: ${name}`, make, async (first) => {
      const second = await reopen(first)
      try {
        await body(first, second)
      } finally {
        await second.close()
      }
    })
  return [
    twoCase('two backends over one place exclude each other', async (first, second) => {
      const lock = await take(locksOf(first), 'a')
      expectEqual(await locksOf(second).acquire('a'), undefined)
      expectTrue(await locksOf(second).owner('a'), 'an owner is named')
      const waiting = locksOf(second).acquire('a', { wait: true })
      await lock.release()
      const next = await waiting
      expectTrue(next !== undefined && next.token > lock.token, 'the token is greater')
      expectEqual(await locksOf(first).acquire('a'), undefined)
      await next?.release()
    }),
    twoCase('closing a backend releases what it holds', async (first, second) => {
      const lock = await take(locksOf(first), 'a')
      const waiting = locksOf(second).acquire('a', { wait: true })
      await first.close()
      expectTrue((await waiting) !== undefined, 'the other one gets it')
      expectEqual(await lock.held(), false)
    }),
  ]
}

function locksOf(backend: Backend): LockManager {
  expectTrue(backend.locks !== undefined, 'the backend has locks')
  return backend.locks as LockManager
}

async function take(locks: LockManager, name: string, mode: 'exclusive' | 'shared' = 'exclusive'): Promise<Lock> {
  const lock = await locks.acquire(name, { mode })
  if (lock === undefined) fail(`the lock ${name} was refused`)
  return lock
}

function aborts(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
