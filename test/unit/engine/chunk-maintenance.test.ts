import { describe, expect, test } from 'vitest'
import { append, keysOf, newPlace, numbered, openLog, type Place, valuesOf, withoutBatch } from './chunk-places.js'

const places = [
  { what: 'the manifest checked in each commit', blobsOf: ({ backend }: Place) => backend.blobs },
  { what: 'one write a commit', blobsOf: ({ backend }: Place) => withoutBatch(backend) },
]

describe.each(places)('a log of chunks, with $what', ({ blobsOf }) => {
  test('trimmed in the middle of a segment reads from there on, and drops whole segments', async () => {
    const place = newPlace()
    const { journal, log } = openLog(blobsOf(place), place.clock, { segmentBytes: 600 })
    await append(journal, ...numbered(30))
    await log.roll()
    const before = await keysOf(place.backend, 'seg')
    await log.trim(17)
    expect((await keysOf(place.backend, 'seg')).length).toBeLessThan(before.length)
    for (const open of [journal, openLog(blobsOf(place), place.clock).journal]) {
      expect((await open.bounds()).first).toBe(17)
      expect(await valuesOf(open)).toEqual(numbered(13, 17))
    }
    await log.trim(3)
    expect(await log.first()).toBe(17)
  })

  test('trimmed to its end goes on there, also after what lies in chunks was merged', async () => {
    const place = newPlace()
    const { journal, log } = openLog(blobsOf(place), place.clock)
    await append(journal, ...numbered(9))
    await log.trim(9)
    await log.roll()
    expect(await keysOf(place.backend, 'seg')).toEqual([])
    const later = openLog(blobsOf(place), place.clock)
    expect(await valuesOf(later.journal)).toEqual([])
    expect(await append(later.journal, 'value 9')).toBe(9)
    expect(await valuesOf(later.journal)).toEqual(['value 9'])
  })

  test('a reader in flight goes on in the segment that took the place of another', async () => {
    const place = newPlace()
    const { journal, log } = openLog(blobsOf(place), place.clock)
    await append(journal, ...numbered(10))
    await log.roll()
    const reader = openLog(blobsOf(place), place.clock).journal
    expect((await reader.bounds()).next).toBe(10)
    const [segment] = await log.segments()
    const name = segment?.name as string
    const odd = async function* () {
      for await (const frame of log.frames(name)) if (frame.header.baseOffset % 2 === 1) yield frame
    }
    await log.replace(name, odd())
    const offsets = (await reader.read({ from: 0, limit: 20 })).map(({ offset }) => offset)
    expect(offsets).toEqual([1, 3, 5, 7, 9])
    expect((await log.segments()).map(({ base, next, records }) => [base, next, records])).toEqual([[0, 10, 5]])
    await expect(log.replace(name, odd())).rejects.toMatchObject({ code: 'missing' })
    expect(await keysOf(place.backend, 'seg')).toHaveLength(1)
  })

  test('a segment that is replaced by nothing goes', async () => {
    const place = newPlace()
    const { journal, log } = openLog(blobsOf(place), place.clock)
    await append(journal, ...numbered(4))
    await log.roll()
    await log.replace((await log.segments())[0]?.name as string, (async function* () {})())
    expect(await keysOf(place.backend, 'seg')).toEqual([])
    const later = openLog(blobsOf(place), place.clock)
    expect(await valuesOf(later.journal)).toEqual([])
    expect(await append(later.journal, 'value 4')).toBe(4)
  })

  test('sealed by one is closed for all, before and after the seal is merged', async () => {
    const place = newPlace()
    const [sealer, writer] = [openLog(blobsOf(place), place.clock), openLog(blobsOf(place), place.clock)]
    await append(sealer.journal, ...numbered(3))
    await append(writer.journal, 'value 3')
    await sealer.log.seal()
    await sealer.log.seal()
    for (const { journal } of [sealer, writer, openLog(blobsOf(place), place.clock)]) {
      await expect(append(journal, 'too late')).rejects.toMatchObject({ code: 'closed' })
      expect(await valuesOf(journal)).toEqual(numbered(4))
    }
    await writer.log.seal()
    await writer.log.roll()
    const cold = openLog(blobsOf(place), place.clock)
    await expect(append(cold.journal, 'too late')).rejects.toMatchObject({ code: 'closed' })
    await cold.log.seal()
    expect(await valuesOf(cold.journal)).toEqual(numbered(4))
  })

  test('tells from which offset on it takes no more than so many bytes', async () => {
    const place = newPlace()
    const { journal, log } = openLog(blobsOf(place), place.clock, { segmentBytes: 10_000 })
    await append(journal, ...numbered(60).map((value) => value.padEnd(1000, '.')))
    await log.flush()
    const { bytes } = await log.stats()
    expect(await log.offsetAtBytes(bytes)).toBe(0)
    for (const kept of [2, 5, 20, 40]) {
      const offset = await log.offsetAtBytes(kept * 1_100)
      expect(60 - offset).toBeLessThanOrEqual(kept)
      expect(60 - offset).toBeGreaterThanOrEqual(kept - 5)
    }
  })
})
