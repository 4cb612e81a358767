// `await using`, for a project whose `lib` knows of it. Compiled in an empty project against the packed package, never run.

import { type Backend, type Kv, openKv, openQueue, openSnapshots, openStore, type Queue, type Snapshots, type Store } from 'varve'
import { memory } from 'varve/adapters/memory'

export async function closedWithTheBlock(): Promise<void> {
  await using backend = memory()
  await using store = await openStore(backend)
  await using orders = await openQueue<string>(store, 'orders')
  await using settings = await openKv(store, 'settings')
  await using snapshots = await openSnapshots(store)
  await orders.append(`${store.name} ${await settings.get('theme')} ${snapshots}`)
}

export async function closedByWhomItIsGivenTo(given: Store | Queue<string> | Kv<unknown> | Snapshots<unknown>): Promise<void> {
  await using held = given
  await held.close()
}

/** An adapter of somebody's own has `close()` and need not know of this. */
export function ownBackend({ blobs, health, close }: Backend): Backend {
  return { name: 'own', blobs, health, close }
}
