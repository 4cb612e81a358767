// What small workloads are made of. An operation that a backend does not have is `unsupported` there, and then must change
// nothing.

import { isStorageError } from 'varve'
import type { SmallWorld } from './small-world.js'

export interface Operation {
  readonly name: string
  readonly run: (world: SmallWorld) => Promise<void>
}

export const operations: readonly Operation[] = [
  { name: 'append', run: (world) => world.append(['a']) },
  { name: 'append elsewhere', run: (world) => world.append(['b']) },
  { name: 'append a batch', run: (world) => world.append(['g', 'c', 'a', 'g', 'b']) },
  { name: 'append once', run: (world) => world.appendOnce() },
  { name: 'put', run: (world) => world.put() },
  { name: 'delete', run: (world) => world.delete() },
  { name: 'save', run: (world) => world.save() },
  { name: 'ack', run: (world) => world.ack() },
  { name: 'flush', run: (world) => world.flush() },
  { name: 'reopen', run: (world) => world.reopen() },
  { name: 'trim', run: (world) => unlessUnsupported(world.trim()) },
  { name: 'compact', run: (world) => unlessUnsupported(world.compact()) },
]

async function unlessUnsupported(running: Promise<void>): Promise<void> {
  await running.catch((error) => {
    if (!isStorageError(error, 'unsupported')) throw error
  })
}

/** All sequences of this many operations. */
export function* sequences(length: number): Generator<readonly Operation[]> {
  if (length === 0) yield []
  else for (const before of sequences(length - 1)) for (const operation of operations) yield [...before, operation]
}
