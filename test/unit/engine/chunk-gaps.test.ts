import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { examineChunkLog } from '../../../dist/core/engine/doctor/examine-chunk-log.js'
import { newPlace, openLog, PATH, type Place, withoutBatch } from './chunk-places.js'

const SEGMENT_BYTES = 1_500

type Step =
  | { readonly do: 'append'; readonly runs: readonly { readonly gap: number; readonly count: number }[] }
  | { readonly do: 'roll' }
  | { readonly do: 'compact' }
  | { readonly do: 'reopen' }
  | { readonly do: 'trim'; readonly part: number }

const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      runs: fc.array(fc.record({ gap: fc.constantFrom(0, 0, 1, 7, 5_000), count: fc.integer({ min: 1, max: 3 }) }), {
        minLength: 1,
        maxLength: 4,
      }),
    }),
  },
  { weight: 2, arbitrary: fc.constantFrom<Step[]>({ do: 'roll' }, { do: 'compact' }, { do: 'reopen' }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('trim' as const), part: fc.double({ min: 0, max: 1, noNaN: true }) }) },
)

const blobs = {
  'checked in each commit': (place: Place) => place.backend.blobs,
  'not checked': (place: Place) => withoutBatch(place.backend),
}

describe.each(Object.entries(blobs))('gaps in a log of chunks, the manifest %s', (_, blobsOf) => {
  test('are passed by every read, wherever it begins, whatever was merged, trimmed and compacted', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(stepArbitrary, { minLength: 1, maxLength: 14 }), async (steps) => {
        const place = newPlace()
        const open = () => openLog(blobsOf(place), place.clock, { segmentBytes: SEGMENT_BYTES })
        const reader = open()
        let { journal, log } = open()
        const model: number[] = []
        let [first, next] = [0, 0]
        for (const step of steps) {
          if (step.do === 'append') {
            const appends = step.runs.map(({ gap, count }) => {
              const at = next + gap
              next = at + count
              const offsets = Array.from({ length: count }, (__, index) => at + index)
              model.push(...offsets)
              const records = offsets.map((offset) => ({ value: new TextEncoder().encode(`${offset}`.padEnd(60)), codec: 0 }))
              return journal.append({ records }, { at })
            })
            await Promise.all(appends)
          } else if (step.do === 'roll') await log.roll()
          else if (step.do === 'compact') await journal.compact()
          else if (step.do === 'reopen') {
            await journal.close()
            ;({ journal, log } = open())
          } else {
            first = Math.max(first, Math.floor(next * step.part))
            await journal.trim(first)
          }
        }
        const froms = new Set([0, first, next - 1, next, ...model.slice(-40).flatMap((offset) => [offset, offset + 1, offset + 3])])
        for (const one of [journal, reader.journal, open().journal]) {
          for (const from of froms) {
            const read = await one.read({ from, limit: 10_000 })
            expect(read.map(({ offset }) => offset)).toEqual(model.filter((offset) => offset >= Math.max(from, first)))
          }
          expect((await one.bounds()).next).toBe(next)
        }
        const examined = await examineChunkLog({ blobs: blobsOf(place), clock: place.clock, path: PATH })
        expect(examined.anomalies).toEqual([])
      }),
      { numRuns: 60 },
    )
  })

  test('do not hide chunks that are gone, or lie in the place of another', async () => {
    const place = newPlace()
    const { journal } = openLog(blobsOf(place), place.clock)
    for (const at of [0, 1, 10, 11, 30]) await journal.append({ records: [{ value: new Uint8Array(9), codec: 0 }] }, { at })
    const keys: string[] = []
    for await (const { key } of place.backend.blobs.list({ prefix: `${PATH}/log/` })) keys.push(key)
    const bytesOf = async (key: string) => (await place.backend.blobs.get(key))?.data as Uint8Array
    const last = await bytesOf(keys[4] as string)
    const third = await bytesOf(keys[2] as string)
    await place.backend.blobs.put(keys[3] as string, last)
    const look = async () => {
      const fresh = openLog(blobsOf(place), place.clock).journal
      const found = await fresh.read({ from: 0, limit: 2 })
      expect(found.length).toBe(2)
      await expect(fresh.read({ from: 11, limit: 10 })).rejects.toMatchObject({ code: 'corrupt' })
      const { anomalies } = await examineChunkLog({ blobs: blobsOf(place), clock: place.clock, path: PATH })
      expect(anomalies.length).toBeGreaterThan(0)
    }
    await look()
    await place.backend.blobs.put(keys[3] as string, third)
    await look()
    await place.backend.blobs.delete([keys[3] as string])
    await look()
  })
})
