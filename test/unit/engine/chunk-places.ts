// Logs of chunks on the simulated disk: with the manifest checked in the commit of each chunk, and without.

import type { Backend } from 'varve'
import { type FaultBackend, faultBackend, ManualClock } from 'varve/testing'
import { ChunkLog, type ChunkLogOptions } from '../../../dist/core/engine/chunk-log.js'
import type { StreamRecord } from '../../../dist/core/ports/stream-broker.js'
import { historyKey, Journal } from '../../../dist/core/engine/journal.js'

export const PATH = 'log/i0000000000000001/0'
export const GRACE_MS = 10 * 60_000

type BlobStore = Backend['blobs']

export interface OpenLog {
  readonly log: ChunkLog
  readonly journal: Journal
}

export interface Place {
  readonly backend: FaultBackend
  readonly clock: ManualClock
}

export function newPlace(): Place {
  return { backend: faultBackend({ files: false }), clock: new ManualClock() }
}

/** As R2 has it: one write a commit. */
export function withoutBatch({ blobs }: Pick<Backend, 'blobs'>): BlobStore {
  return {
    traits: { ...blobs.traits, durable: 'remote' },
    get: (key, options) => blobs.get(key, options),
    put: (key, bytes, options) => blobs.put(key, bytes, options),
    delete: (keys, options) => blobs.delete(keys, options),
    list: (options) => blobs.list(options),
  }
}

export function openLog(blobs: BlobStore, clock: ManualClock, options: Partial<ChunkLogOptions> = {}): OpenLog {
  const log = new ChunkLog({ blobs, clock, path: PATH, beforeWrite: async () => {}, ...options })
  const journal = new Journal({
    history: { blobs, key: historyKey(PATH) },
    log,
    clock,
    sync: 'always',
    topic: PATH,
    checkFence: () => {},
    committedOf: async () => 0,
    background: true,
  })
  return { log, journal }
}

/** One commit each; gives the first offset. */
export async function append(journal: Journal, ...values: readonly string[]): Promise<number> {
  let first: number | undefined
  for (const value of values) {
    const result = await journal.append({ records: [{ value: new TextEncoder().encode(value), codec: 0 }] })
    first ??= result.first
  }
  return first ?? -1
}

export function numbered(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, index) => `value ${from + index}`)
}

export async function valuesOf(journal: Journal, from: number | { readonly time: number } = 0): Promise<string[]> {
  const values: string[] = []
  let at = from
  for (;;) {
    const records: readonly StreamRecord[] = await journal.read({ from: at, limit: 7 })
    const last = records[records.length - 1]
    if (last === undefined) return values
    for (const { value } of records) values.push(new TextDecoder().decode(value))
    at = last.offset + 1
  }
}

export async function keysOf({ blobs }: Pick<Backend, 'blobs'>, folder: 'log' | 'seg'): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of blobs.list({ prefix: `${PATH}/${folder}/` })) keys.push(key)
  return keys
}
