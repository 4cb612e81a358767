// The backends under test in a browser, and where each can live.

import { destroyIndexedDb, indexedDb } from 'varve/adapters/indexeddb'
import { destroyOpfs, opfs } from 'varve/adapters/opfs'
import type { MakeBackend } from 'varve/testing'

export type Place = 'page' | 'worker'
export type TestedBackend = Awaited<ReturnType<MakeBackend>>

export interface BrowserBackend {
  readonly name: string
  readonly places: readonly Place[]
  readonly open: (name: string) => TestedBackend
  readonly destroy: (name: string) => Promise<void>
}

export const browserBackends: readonly BrowserBackend[] = [
  { name: 'indexeddb', places: ['page', 'worker'], open: (name) => indexedDb({ name }), destroy: destroyIndexedDb },
  { name: 'opfs', places: ['worker'], open: (name) => opfs({ name }), destroy: destroyOpfs },
]
