import { isStorageError, openQueue, openStore } from 'varve'
import { type DiskImage, faultBackend } from 'varve/testing'
import { describe, expect, test } from 'vitest'
import { tally } from '../tally.js'
import { fileBytes, imageOf, withBlob, withFile } from './images.js'
import { contentOf, QUEUE } from './workload.js'

const BUCKETS = 2

/** A closed queue of two buckets; small segments, or one that holds all. */
async function write(files: boolean, segmentBytes: number): Promise<{ image: DiskImage; content: string[][] }> {
  const backend = faultBackend({ files })
  const store = await openStore(backend)
  const queue = await openQueue<string>(store, QUEUE, { buckets: BUCKETS, segmentBytes })
  for (let n = 0; n < 14; n++) await queue.append(`value ${n} ${'.'.repeat(n * 5)}`, { key: `${n}` })
  const content = await contentOf(queue)
  await store.close()
  return { image: await imageOf(backend.another()), content }
}

async function look(image: DiskImage, files: boolean): Promise<readonly (readonly string[])[] | 'corrupt'> {
  const store = await openStore(faultBackend({ image, files, lastLockToken: 100 }))
  try {
    return await contentOf(await openQueue<string>(store, QUEUE, { create: false }))
  } catch (error) {
    if (isStorageError(error, 'corrupt')) return 'corrupt'
    throw error
  } finally {
    await store.close()
  }
}

function* pairs(names: readonly string[]): Generator<readonly [string, string]> {
  for (const [index, one] of names.entries()) for (const other of names.slice(index + 1)) yield [one, other]
}

/** Every two files of the log in each other's place, every two of its blobs, and every one of them in another's place. */
function* swaps(image: DiskImage): Generator<readonly [what: string, swapped: DiskImage]> {
  for (const [one, other] of pairs([...image.files.keys()])) {
    const copied = withFile(image, one, fileBytes(image, other))
    yield [`${other} copied over ${one}`, copied]
    yield [`${one} and ${other} swapped`, withFile(copied, other, fileBytes(image, one))]
  }
  const bytesOf = (key: string): Uint8Array | undefined => image.blobs.get(key)?.synced?.bytes
  for (const [one, other] of pairs([...image.blobs.keys()].filter((key) => key.startsWith('log/') && !key.includes('/group/')))) {
    const copied = withBlob(image, one, bytesOf(other))
    yield [`${other} copied over ${one}`, copied]
    yield [`${one} and ${other} swapped`, withBlob(copied, other, bytesOf(one))]
  }
}

describe('a part of a log in the place of another', () => {
  const places = [
    { files: true, segmentBytes: 500, what: 'segments of files' },
    { files: false, segmentBytes: 1_000_000, what: 'chunks' },
  ]
  test.each(places)('is found or harmless: $what', async ({ files, segmentBytes, what }) => {
    const from = performance.now()
    const { image, content } = await write(files, segmentBytes)
    const silent: string[] = []
    let [ran, found] = [0, 0]
    for (const [swap, swapped] of swaps(image)) {
      const seen = await look(swapped, files).catch((error) => [[String(error)]])
      ran++
      if (seen === 'corrupt') found++
      else if (JSON.stringify(seen) !== JSON.stringify(content)) silent.push(`${swap}: ${JSON.stringify(seen)}`)
    }
    expect(silent.slice(0, 5)).toEqual([])
    tally({ row: `bit flips: swapped, ${what}`, ran, found, ms: performance.now() - from })
    expect(found).toBeGreaterThan(20)
  })
})
