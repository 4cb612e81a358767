import { beforeAll, describe, expect, test } from 'vitest'
import { fileBytes, flipped, withBlob, withFile } from './images.js'
import { isAll, isPrefix, look, SEGMENT_BYTES, survey, VALUES, WHOLE, type Written, write } from './survey.js'

describe.each([
  { format: 'binary', segmentBytes: SEGMENT_BYTES },
  { format: 'ndjson', segmentBytes: 2 * SEGMENT_BYTES },
] as const)('damage to a log of files, $format,', (options) => {
  const kind = { row: options.format === 'binary' ? 'files' : 'text', files: true }
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
    await survey(written, { row: 'chunks', files: false }, written.bootId, isAll)
  })

  test('at any byte of a log of chunks that were merged is found or harmless', async () => {
    const written = await write(false, true)
    expect([...written.image.blobs.keys()].filter((key) => key.includes('/seg/')).length).toBeGreaterThan(0)
    await survey(written, { row: 'chunks', files: false }, written.bootId, isAll)
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
