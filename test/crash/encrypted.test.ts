import { encrypted } from 'varve'
import type { FaultBackend } from 'varve/testing'
import { describe, expect, test } from 'vitest'
import { testScenarios } from './reach.js'
import { isAll, isPrefix, look, survey, VALUES, WHOLE, write } from './survey.js'

const secret = { key: new Uint8Array(32).fill(5) }

/** An encrypted store on the disk, with what the checks ask of a disk. */
function sealed(disk: FaultBackend): FaultBackend {
  const over = encrypted(disk, secret)
  return Object.assign(over, {
    locks: disk.locks,
    recording: disk.recording,
    another: () => sealed(disk.another()),
    stealLock: (name: string, options?: { readonly silent?: boolean }) => disk.stealLock(name, options),
  })
}

describe('whatever a crash leaves of an encrypted log', () =>
  testScenarios([
    {
      name: 'encrypted files',
      backend: {},
      options: [
        { buckets: 1, segmentBytes: 900 },
        { buckets: 2, segmentBytes: 1500, sync: { everyRecords: 4 } },
        { buckets: 1, segmentBytes: 1500, sync: 'never' },
      ],
      states: 400,
      sessions: 2,
      rounds: 3,
      over: sealed,
    },
    {
      name: 'encrypted files of text',
      backend: {},
      options: [{ buckets: 1, segmentBytes: 2500, format: 'ndjson' }],
      states: 100,
      sessions: 2,
      rounds: 3,
      over: sealed,
    },
    {
      name: 'encrypted chunks',
      backend: { files: false },
      options: [{ buckets: 2, segmentBytes: 1200 }],
      states: 200,
      sessions: 2,
      rounds: 3,
      over: sealed,
    },
  ]))

describe('damage to an encrypted log', () => {
  const over = (disk: Parameters<typeof encrypted>[0]) => encrypted(disk, secret)

  test.each([
    { row: 'encrypted files', files: true, segmentBytes: 500 },
    { row: 'encrypted chunks', files: false, segmentBytes: WHOLE },
  ])('at any byte of $row that were closed is found or harmless', async ({ row, files, segmentBytes }) => {
    const { image, bootId } = await write(files, true, { segmentBytes }, over)
    expect(await look(image, bootId, files, over)).toEqual(VALUES)
    await survey({ image, bootId }, { row, files }, bootId, isAll, over)
  })

  test('at any byte of a file whose writer was killed leaves whole records from the first on, or is found', async () => {
    const { image, bootId } = await write(true, false, {}, over)
    expect(await look(image, bootId, true, over)).toEqual(VALUES)
    await survey({ image, bootId }, { row: 'encrypted files', files: true }, bootId, isPrefix, over)
  })
})
