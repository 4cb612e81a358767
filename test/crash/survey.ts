// A small log, every way to damage one byte of it, and what a reader makes of it.

import { type Backend, isStorageError, openQueue, openStore, type QueueOptions } from 'varve'
import { type DiskImage, faultBackend } from 'varve/testing'
import { expect } from 'vitest'
import { tally } from '../tally.js'
import { fileBytes, flipped, imageOf, withBlob, withFile } from './images.js'
import { contentOf, QUEUE } from './workload.js'

export const VALUES = ['one', 'two', 'three '.repeat(12), 'four', 'five', 'six '.repeat(9)]
export const SEGMENT_BYTES = 500
/** Nothing is merged. */
export const WHOLE = 1_000_000

export interface Written {
  readonly image: DiskImage
  readonly bootId: string
}

/** A log of a few segments or chunks; `closed` as a program that ends well leaves it, else as a killed one does. */
export async function write(
  files: boolean,
  isClosed: boolean,
  { segmentBytes = SEGMENT_BYTES, ...options }: QueueOptions<string> = {},
  over = asItIs,
): Promise<Written> {
  const backend = faultBackend({ files })
  const store = await openStore(over(backend))
  const queue = await openQueue<string>(store, QUEUE, { segmentBytes, ...options })
  for (const value of VALUES) await queue.append(value)
  if (isClosed) await store.close()
  return { image: await imageOf(backend.another()), bootId: backend.recording.bootId }
}

/** What a reader of the image gets: the values, or `corrupt`; anything else that is thrown is a failure. */
export async function look(image: DiskImage, bootId: string, files: boolean, over = asItIs): Promise<readonly string[] | 'corrupt'> {
  const backend = faultBackend({ image, files, bootId, lastLockToken: 100 })
  try {
    return await lookAt(over(backend))
  } catch (error) {
    if (isStorageError(error, 'corrupt')) return 'corrupt'
    throw error
  }
}

async function lookAt(backend: Backend): Promise<readonly string[]> {
  const store = await openStore(backend)
  try {
    return (await contentOf(await openQueue<string>(store, QUEUE, { create: false })))[0] ?? []
  } finally {
    await store.close()
  }
}

/** Every way to damage the image, with words for it. */
function* damages(image: DiskImage): Generator<readonly [what: string, damaged: DiskImage]> {
  for (const path of image.files.keys()) {
    const bytes = fileBytes(image, path)
    for (let at = 0; at < bytes.length; at++) yield [`byte ${at} of ${path} flipped`, withFile(image, path, flipped(bytes, at, at % 8))]
    for (let length = 0; length < bytes.length; length++) yield [`${path} cut at ${length}`, withFile(image, path, bytes.slice(0, length))]
    yield [`${path} removed`, withFile(image, path, undefined)]
  }
  for (const [key, { synced }] of image.blobs) {
    const bytes = synced?.bytes ?? new Uint8Array(0)
    for (let at = 0; at < bytes.length; at++) yield [`byte ${at} of ${key} flipped`, withBlob(image, key, flipped(bytes, at, at % 8))]
    for (let length = 0; length < bytes.length; length++) yield [`${key} cut at ${length}`, withBlob(image, key, bytes.slice(0, length))]
  }
}

export async function survey(
  written: Written,
  kind: { readonly row: string; readonly files: boolean },
  bootId: string,
  isAllowed: (found: readonly string[]) => boolean,
  over = asItIs,
): Promise<void> {
  const from = performance.now()
  const silent: string[] = []
  let [found, harmless] = [0, 0]
  for (const [what, damaged] of damages(written.image)) {
    const seen = await look(damaged, bootId, kind.files, over).catch((error) => [`${String(error)}`])
    if (seen === 'corrupt') found++
    else if (isAllowed(seen)) harmless++
    else silent.push(`${what}: ${JSON.stringify(seen)}`)
  }
  expect(silent.slice(0, 10)).toEqual([])
  expect(found).toBeGreaterThan(100)
  tally({ row: `bit flips: ${kind.row}`, ran: found + harmless, found, ms: performance.now() - from })
}

export const isAll = (values: readonly string[]): boolean => JSON.stringify(values) === JSON.stringify(VALUES)
export const isPrefix = (values: readonly string[]): boolean => values.every((value, index) => value === VALUES[index])

function asItIs(backend: Backend): Backend {
  return backend
}
