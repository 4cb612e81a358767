// What the tests of packs share: a store in memory that counts and waits, and chunks of any size.

import { memory } from '../../../dist/adapters/memory/index.js'
import { compressBytes, decompressBytes } from '../../../dist/core/codec/compression.js'
import { PackStore, type PackStoreOptions } from '../../../dist/core/engine/content/pack-store.js'
import type { BlobStore } from '../../../dist/core/ports/blob-store.js'
import { ManualClock, seededRandom } from '../../../dist/testing/manual-clock.js'

export const PATH = 'snapshots'

export const gzip: PackStoreOptions['compression'] = {
  pack: (bytes) => compressBytes('gzip', bytes, 1),
  decompress: decompressBytes,
}

export function packs(blobs: BlobStore, options: { readonly packBytes?: number } = {}): PackStore {
  return new PackStore({ blobs, clock: new ManualClock(), path: PATH, compression: gzip, ...options })
}

export function memoryBlobs(): BlobStore {
  return memory().blobs
}

/** Bytes that do not shrink. */
export function noise(seed: number, length: number): Uint8Array {
  const random = seededRandom(seed)
  return Uint8Array.from({ length }, () => random() * 256)
}

export async function keysOf(blobs: BlobStore, prefix: string): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of blobs.list({ prefix })) keys.push(key)
  return keys
}

/** The same store; `before` is awaited ahead of each call, and may throw. */
export function hooked(blobs: BlobStore, before: (operation: 'get' | 'put' | 'delete' | 'list', key: string) => unknown): BlobStore {
  return {
    traits: blobs.traits,
    get: async (key, options) => {
      await before('get', key)
      return await blobs.get(key, options)
    },
    put: async (key, bytes, options) => {
      await before('put', key)
      return await blobs.put(key, bytes, options)
    },
    delete: async (keys, options) => {
      for (const key of keys) await before('delete', key)
      await blobs.delete(keys, options)
    },
    async *list(options) {
      await before('list', options?.prefix ?? '')
      yield* blobs.list(options)
    },
  }
}

/** Changes one bit of a blob that is there. */
export async function flipBit(blobs: BlobStore, key: string, at: number): Promise<void> {
  const bytes = ((await blobs.get(key)) as { data: Uint8Array }).data.slice()
  bytes[at] = (bytes[at] as number) ^ 1
  await blobs.put(key, bytes)
}
