// What the queue suites share: a store on a backend, at a time that the test moves or at the system's.

import { type Clock, systemClock } from '../core/base/clock.js'
import { createContext, type Store, type StoreMode, storeOver } from '../core/derived/resolve.js'
import type { Backend } from '../core/ports/backend.js'
import type { ManualClock } from './manual-clock.js'
import { fail } from './assert.js'
import { backendCase, type MakeBackend, type SuiteCase } from './suite.js'

export function storeOn(backend: Backend, options: { readonly clock?: Clock; readonly mode?: StoreMode } = {}): Store {
  const context = createContext(backend, options)
  return storeOver(context, () => context.close())
}

/** A case that gets a store on a backend of its own; both are closed afterwards. */
export function storeCase(
  name: string,
  make: MakeBackend,
  body: (store: Store, backend: Backend) => Promise<void>,
  makeClock: () => Clock = () => systemClock,
): SuiteCase {
  return backendCase(name, make, async (backend) => {
    const store = storeOn(backend, { clock: makeClock() })
    try {
      await body(store, backend)
    } finally {
      await store.close()
    }
  })
}

const MAX_TURNS = 100_000

/** Lets the clock's time pass, in steps with real turns between them, until the promise settles. */
export async function driven<T>(clock: ManualClock, promise: Promise<T>, stepMs = 100): Promise<T> {
  let isSettled = false
  const settle = (): void => {
    isSettled = true
  }
  promise.then(settle, settle)
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    await new Promise<void>((resolve) => systemClock.after(1, resolve))
    if (isSettled) break
    await clock.advance(stepMs)
  }
  return promise
}

/** Looks again and again, with real turns between, until it is so. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    if (await isSo()) return
    await new Promise<void>((resolve) => systemClock.after(1, resolve))
  }
  fail('it never became so')
}

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}

export function range(count: number, from = 0): number[] {
  return Array.from({ length: count }, (_, index) => from + index)
}
