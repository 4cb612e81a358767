// What the snapshot suites share.

import { openSnapshots } from '../core/features/snapshots/open-snapshots.js'
import { createContext, type Store, storeOver } from '../core/derived/resolve.js'
import type { Backend } from '../core/ports/backend.js'
import { expectEqual, expectRejects, expectTrue } from './assert.js'
import { ManualClock } from './manual-clock.js'
import { backendCase, type MakeBackend, type SuiteCase } from './suite.js'

export const S1 = { agent: 'planner', session: 's1' }
export const NO_ID = '00000000-0000-4000-8000-000000000000'

/** Makes cases out of names and bodies. */
export type OnSnapshots = (name: string, body: (backend: Backend) => Promise<void>) => SuiteCase

/** On the backends that `make` gives; those that cannot compare and set must say what to use instead. */
export function onSnapshots(make: MakeBackend): OnSnapshots {
  return (name, body) =>
    backendCase(`snapshots: ${name}`, make, async (backend) => {
      if (backend.blobs.traits.conditionalPut) await body(backend)
      else await refuses(backend)
    })
}

async function refuses(backend: Backend): Promise<void> {
  const error = await expectRejects(() => openSnapshots(backend), 'unsupported')
  expectEqual(error.backend, backend.name)
  expectTrue(error.message.includes('R2') && error.message.includes('Durable Object'), 'what to use instead')
}

/** A store with a clock of its own. */
export function storeWithClock(backend: Backend): { readonly store: Store; readonly clock: ManualClock } {
  const clock = new ManualClock()
  const context = createContext(backend, { clock })
  return { store: storeOver(context, () => context.close()), clock }
}

export async function storedBytes(backend: Backend, prefix: string): Promise<number> {
  let bytes = 0
  for await (const info of backend.blobs.list({ prefix })) bytes += info.bytes
  return bytes
}

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}

/** Bytes that do not compress, the same for the same seed. */
export function noise(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = seed
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[at] = state >>> 24
  }
  return bytes
}
