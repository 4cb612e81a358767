import { isStorageError, openQueue, openStore, type QueueOptions } from 'varve'
import { type DiskImage, faultBackend } from 'varve/testing'
import { beforeAll, describe, expect, test } from 'vitest'
import { tally } from '../tally.js'
import { fileBytes, flipped, imageOf, withBlob, withFile } from './images.js'
import { contentOf, QUEUE } from './workload.js'

const VALUES = ['one', 'two', 'three '.repeat(12), 'four', 'five', 'six '.repeat(9)]
const SEGMENT_BYTES = 500
/** Nothing is merged. */
const WHOLE = 1_000_000

interface Written {
  readonly image: DiskImage
  readonly bootId: string
}

/** A log of a few segments or chunks; `closed` as a program that ends well leaves it, else as a killed one does. */
async function write(
  files: boolean,
  isClosed: boolean,
  { segmentBytes = SEGMENT_BYTES, ...options }: QueueOptions<string> = {},
): Promise<Written> {
  const backend = faultBackend({ files })
  const store = await openStore(backend)
  const queue = await openQueue<string>(store, QUEUE, { segmentBytes, ...options })
  for (const value of VALUES) await queue.append(value)
  if (isClosed) await store.close()
  return { image: await imageOf(backend.another()), bootId: backend.recording.bootId }
}

/** What a reader of the image gets: the values, or `corrupt`; anything else that is thrown is a failure. */
async function look(image: DiskImage, bootId: string, files: boolean): Promise<readonly string[] | 'corrupt'> {
  const backend = faultBackend({ image, files, bootId, lastLockToken: 100 })
  const store = await openStore(backend)
  try {
    return (await contentOf(await openQueue<string>(store, QUEUE, { create: false })))[0] ?? []
  } catch (error) {
    if (isStorageError(error, 'corrupt')) return 'corrupt'
    throw error
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

async function survey(
  written: Written,
  kind: 'files' | 'text' | 'chunks',
  bootId: string,
  isAllowed: (found: readonly string[]) => boolean,
): Promise<void> {
  const from = performance.now()
  const silent: string[] = []
  let [found, harmless] = [0, 0]
  for (const [what, damaged] of damages(written.image)) {
    const seen = await look(damaged, bootId, kind !== 'chunks').catch((error) => [`${String(error)}`])
    if (seen === 'corrupt') found++
    else if (isAllowed(seen)) harmless++
    else silent.push(`${what}: ${JSON.stringify(seen)}`)
  }
  expect(silent.slice(0, 10)).toEqual([])
  expect(found).toBeGreaterThan(100)
  tally({ row: `bit flips: ${kind}`, ran: found + harmless, found, ms: performance.now() - from })
}

const isAll = (values: readonly string[]): boolean => JSON.stringify(values) === JSON.stringify(VALUES)
const isPrefix = (values: readonly string[]): boolean => values.every((value, index) => value === VALUES[index])

describe.each([
  { format: 'binary', segmentBytes: SEGMENT_BYTES },
  { format: 'ndjson', segmentBytes: 2 * SEGMENT_BYTES },
] as const)('damage to a log of files, $format,', (options) => {
  const kind = options.format === 'binary' ? 'files' : 'text'
  let closed: Written
  let open: Written

  beforeAll(async () => {
    closed = await write(true, true, options)
    open = await write(true, false, options)
  })

  test('the log that is damaged has several segments and reads well', async () => {
    expect(closed.image.files.size).toBeGreaterThan(1)
    expect(await look(closed.image, closed.bootId, true)).toEqual(VALUES)
    expect(await look(open.image, open.bootId, true)).toEqual(VALUES)
  })

  test('at any byte of a log that was closed is found or harmless', () => survey(closed, kind, closed.bootId, isAll))

  test('at any byte of a closed log is found or harmless after a restart of the system too', () => survey(closed, kind, 'boot-2', isAll))

  test('at any byte of a log whose writer was killed leaves whole records from the first on, or is found', () =>
    survey(open, kind, open.bootId, isPrefix))

  test('of the last frame of a killed writer costs that frame only', async () => {
    const path = [...open.image.files.keys()].sort().at(-1) as string
    const bytes = fileBytes(open.image, path)
    for (let length = bytes.length - 1; length > bytes.length - 90; length--) {
      const seen = await look(withFile(open.image, path, bytes.slice(0, length)), 'boot-2', true)
      expect(seen, `cut at ${length}`).toEqual(VALUES.slice(0, -1))
    }
  })

  test('in the middle of a log whose writer was killed is found when the system did not restart', async () => {
    const path = [...open.image.files.keys()].sort().at(0) as string
    const bytes = fileBytes(open.image, path)
    for (let at = 0; at < bytes.length; at++) {
      const seen = await look(withFile(open.image, path, flipped(bytes, at, 3)), open.bootId, true)
      if (seen !== 'corrupt') expect(seen, `byte ${at}`).toEqual(VALUES)
    }
  })

  test('before the last frame of a killed writer is found also after a restart of the system', async () => {
    const { image } = await write(true, false, { ...options, segmentBytes: WHOLE })
    const path = [...image.files.keys()][0] as string
    const bytes = fileBytes(image, path)
    const lastFrame = Buffer.from(bytes).lastIndexOf(options.format === 'binary' ? 'VFRM' : '{"offset"')
    for (let at = 0; at < lastFrame; at++) {
      const seen = await look(withFile(image, path, flipped(bytes, at, 3)), 'boot-2', true)
      if (seen !== 'corrupt') expect(seen, `byte ${at}`).toEqual(VALUES)
    }
  })

  test('two segments that were swapped are found', async () => {
    const [first, second] = [...closed.image.files.keys()].sort() as [string, string]
    const swapped = withFile(withFile(closed.image, first, fileBytes(closed.image, second)), second, fileBytes(closed.image, first))
    expect(await look(swapped, closed.bootId, true)).toBe('corrupt')
  })
})

describe('damage to a log of chunks', () => {
  test('at any byte of a log of chunks is found or harmless', async () => {
    const written = await write(false, true, { segmentBytes: WHOLE })
    await survey(written, 'chunks', written.bootId, isAll)
  })

  test('at any byte of a log of chunks that were merged is found or harmless', async () => {
    const written = await write(false, true)
    expect([...written.image.blobs.keys()].filter((key) => key.includes('/seg/')).length).toBeGreaterThan(0)
    await survey(written, 'chunks', written.bootId, isAll)
  })

  test('a merged segment that is gone is found', async () => {
    const { image, bootId } = await write(false, true)
    for (const key of image.blobs.keys()) {
      if (key.includes('/seg/')) expect(await look(withBlob(image, key, undefined), bootId, false), key).toBe('corrupt')
    }
  })

  test('a chunk that is gone is found', async () => {
    const { image, bootId } = await write(false, true, { segmentBytes: WHOLE })
    const chunks = [...image.blobs.keys()].filter((key) => key.includes('/log/')).sort()
    expect(chunks.length).toBe(VALUES.length)
    for (const key of chunks.slice(0, -1)) expect(await look(withBlob(image, key, undefined), bootId, false), key).toBe('corrupt')
  })
})
