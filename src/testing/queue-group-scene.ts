// What the cases of groups share: a queue of ten numbers in one bucket and a group on it.

import type { Store } from '../core/derived/resolve.js'
import type { Delivery, Group, GroupOptions } from '../core/features/queue/group-types.js'
import type { Queue } from '../core/features/queue/types.js'
import { ManualClock } from './manual-clock.js'
import { openQueue } from './queue-format.js'
import { range, storeCase } from './queue-place.js'
import type { MakeBackend, SuiteCase } from './suite.js'

export const MINUTE_MS = 60_000

export interface Scene {
  readonly store: Store
  readonly queue: Queue<number>
  readonly group: Group<number>
  readonly clock: ManualClock
}

/** Ten records in one bucket, a group that hides a delivery for a minute, and time that stands still. */
export function groupCase(name: string, make: MakeBackend, body: (scene: Scene) => Promise<void>, options: GroupOptions = {}): SuiteCase {
  let clock = new ManualClock()
  const setUp = async (store: Store): Promise<void> => {
    const queue = await openQueue<number>(store, 'q')
    await queue.appendMany(range(10))
    await body({ store, queue, group: await queue.group('g', { visibilityMs: MINUTE_MS, ...options }), clock })
  }
  return storeCase(name, make, setUp, () => {
    clock = new ManualClock()
    return clock
  })
}

/** The same at the system's time, for cases that wait for each other. */
export function liveGroupCase(name: string, make: MakeBackend, body: (scene: Omit<Scene, 'clock'>) => Promise<void>): SuiteCase {
  return storeCase(name, make, async (store) => {
    const queue = await openQueue<number>(store, 'q')
    await queue.appendMany(range(10))
    await body({ store, queue, group: await queue.group('g') })
  })
}

export function valuesOf<T>(deliveries: readonly Pick<Delivery<T>, 'value'>[]): T[] {
  return deliveries.map(({ value }) => value)
}
