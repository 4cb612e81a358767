import { describe, expect, test } from 'vitest'
import { crashStates, faulty } from 'varve/testing'
import { Cell } from '../../../dist/core/engine/cell.js'
import { append, keysOf, newPlace, numbered, openLog, PATH, type Place, valuesOf, withoutBatch } from './chunk-places.js'

const places = [
  { what: 'the manifest checked in each commit', blobsOf: ({ backend }: Place) => backend.blobs },
  { what: 'one write a commit', blobsOf: ({ backend }: Place) => withoutBatch(backend) },
]

describe.each(places)('merging, with $what', ({ blobsOf }) => {
  test('chunks that reach the size of a segment become one, and all reads stay the same', async () => {
    const place = newPlace()
    const { journal, log } = openLog(blobsOf(place), place.clock, { segmentBytes: 1500 })
    for (const value of numbered(40)) {
      await append(journal, value)
      await place.clock.advance(1_000)
    }
    await log.flush()
    const segments = await log.segments()
    expect(segments.length).toBeGreaterThan(1)
    expect(segments[segments.length - 1]?.next).toBeLessThan(40)
    for (const open of [journal, openLog(blobsOf(place), place.clock).journal]) {
      for (const from of [0, 1, 13, 26, 39, 40]) expect(await valuesOf(open, from)).toEqual(numbered(40 - from, from))
      const start = place.clock.now() - 40_000
      for (const second of [0, 7, 20, 33, 39]) {
        expect(await valuesOf(open, { time: start + second * 1_000 })).toEqual(numbered(40 - second, second))
      }
      expect(await open.read({ from: { time: place.clock.now() }, limit: 1 })).toEqual([])
    }
  })

  test('a reader that knows nothing of a merge finds what it held, by offset and by time', async () => {
    const place = newPlace()
    const writer = openLog(blobsOf(place), place.clock)
    const start = place.clock.now()
    for (const value of numbered(20)) {
      await append(writer.journal, value)
      await place.clock.advance(1_000)
    }
    const readers = Array.from({ length: 21 }, () => openLog(blobsOf(place), place.clock).journal)
    for (const reader of readers) expect((await reader.read({ from: 3, limit: 1 })).length).toBe(1)
    await writer.log.roll()
    await place.backend.blobs.delete(await keysOf(place.backend, 'log'))
    for (const [from, reader] of readers.entries()) expect(await valuesOf(reader, from)).toEqual(numbered(20 - from, from))
    const byTime = openLog(blobsOf(place), place.clock).journal
    expect(await valuesOf(byTime, { time: start + 5_000 })).toEqual(numbered(15, 5))
  })

  test('readers in flight see every record once while chunks are merged, segments grow and appends go on', async () => {
    const place = newPlace()
    const writer = openLog(blobsOf(place), place.clock, { segmentBytes: 700 })
    const readers = Array.from({ length: 3 }, () => openLog(blobsOf(place), place.clock).journal)
    const read = async (reader: (typeof readers)[number]): Promise<number[]> => {
      const offsets: number[] = []
      while (offsets.length < 60) {
        for (const { offset } of await reader.read({ from: offsets.length, limit: 3 })) offsets.push(offset)
        await new Promise(setImmediate)
      }
      return offsets
    }
    const reading = Promise.all(readers.map(read))
    for (const value of numbered(60)) await append(writer.journal, value)
    await writer.log.roll()
    for (const offsets of await reading) expect(offsets).toEqual(Array.from({ length: 60 }, (_, index) => index))
  })

  test('of two who merge at once one wins, and nothing of the other stays', async () => {
    const place = newPlace()
    const logs = [openLog(blobsOf(place), place.clock), openLog(blobsOf(place), place.clock)] as const
    await append(logs[0].journal, ...numbered(12))
    await logs[1].log.end(true)
    await Promise.all(logs.map(({ log }) => log.roll()))
    expect(await keysOf(place.backend, 'seg')).toHaveLength(1)
    for (const { journal } of logs) expect(await valuesOf(journal)).toEqual(numbered(12))
    expect(await append(logs[1].journal, 'goes on')).toBe(12)
    expect(await append(logs[0].journal, 'goes on too')).toBe(13)
  })

  test('many commits of small chunks make few segments', async () => {
    const place = newPlace()
    const { journal, log } = openLog(blobsOf(place), place.clock, { requestScoped: true })
    await append(journal, ...numbered(400))
    expect((await log.segments()).length).toBeLessThan(6)
    expect(await valuesOf(openLog(blobsOf(place), place.clock).journal)).toEqual(numbered(400))
  })

  test('large chunks stay as they are until what was trimmed lies in them', async () => {
    const place = newPlace()
    const { journal, log } = openLog(blobsOf(place), place.clock, { segmentBytes: 2 ** 20 })
    const values = largeValues(5)
    await append(journal, ...values)
    await log.flush()
    expect(await keysOf(place.backend, 'log')).toHaveLength(5)
    expect(await keysOf(place.backend, 'seg')).toEqual([])
    await log.trim(4)
    await log.flush()
    expect((await log.segments()).map(({ base, next }) => [base, next])).toEqual([[4, 5]])
    for (const open of [journal, openLog(blobsOf(place), place.clock).journal]) expect(await valuesOf(open)).toEqual(values.slice(4))
  })

  test('large chunks are merged where retention needs segments', async () => {
    const place = newPlace()
    const { journal, log } = openLog(blobsOf(place), place.clock, { segmentBytes: 2 ** 20, hasRetention: true })
    const values = largeValues(5)
    await append(journal, ...values)
    await log.flush()
    expect((await log.segments()).length).toBeGreaterThan(1)
    expect(await valuesOf(openLog(blobsOf(place), place.clock).journal)).toEqual(values)
  })

  test('where nothing may outlive a request, a merge is over when the append that caused it is', async () => {
    const place = newPlace()
    const observed = faulty(place.backend, [])
    const { journal } = openLog(blobsOf({ ...place, backend: observed as never }), place.clock, { requestScoped: true, segmentBytes: 400 })
    await append(journal, ...numbered(20))
    const done = observed.operations.length
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
    expect(observed.operations.length).toBe(done)
    expect((await keysOf(place.backend, 'seg')).length).toBeGreaterThan(0)
  })

  test('a cold open reads the manifest and the last chunk and lists once; segments are not looked at', async () => {
    const place = newPlace()
    const { journal, log } = openLog(blobsOf(place), place.clock)
    await append(journal, ...numbered(30))
    await log.roll()
    await append(journal, ...numbered(5, 30))
    const observed = faulty(place.backend, [])
    const cold = openLog(blobsOf({ ...place, backend: observed as never }), place.clock)
    expect((await cold.log.end()).next).toBe(35)
    expect(observed.operations.map(({ operation, key }) => [operation, key.slice(PATH.length + 1, PATH.length + 5)])).toEqual([
      ['blobs.get', 'mani'],
      ['blobs.list', 'log/'],
      ['blobs.get', 'log/'],
    ])
  })

  test('a log whose manifest holds hints only is read, and merged', async () => {
    const place = newPlace()
    const { journal } = openLog(blobsOf(place), place.clock)
    await append(journal, ...numbered(70))
    const cell = new Cell<unknown>({ blobs: place.backend.blobs, clock: place.clock, key: `${PATH}/manifest` })
    await cell.update(() => ({ places: [[64, 64]] }))
    const later = openLog(blobsOf(place), place.clock)
    expect(await append(later.journal, 'value 70')).toBe(70)
    expect(await valuesOf(later.journal, 60)).toEqual(numbered(11, 60))
    await later.log.roll()
    expect(await valuesOf(later.journal)).toEqual(numbered(71))
    expect(await append(openLog(blobsOf(place), place.clock).journal, 'value 71')).toBe(71)
  })

  test('a damaged chunk is never merged, and is corrupt for whoever reads it', async () => {
    const place = newPlace()
    const { journal, log } = openLog(blobsOf(place), place.clock, { segmentBytes: 600 })
    await append(journal, ...numbered(3))
    const key = (await keysOf(place.backend, 'log'))[1] as string
    const bytes = (await place.backend.blobs.get(key))?.data as Uint8Array
    bytes[bytes.length - 10] = (bytes[bytes.length - 10] as number) ^ 4
    await place.backend.blobs.put(key, bytes)
    await append(journal, ...numbered(10, 3))
    await expect(log.roll()).rejects.toMatchObject({ code: 'corrupt', facts: { firstOffset: 1, lastOffset: 1 } })
    expect(await keysOf(place.backend, 'seg')).toEqual([])
    expect(await valuesOf(journal, 2)).toEqual(numbered(11, 2))
    await expect(valuesOf(journal, 1)).rejects.toMatchObject({ code: 'corrupt' })
  })

  test('an operation that fails, or whose answer is lost, at any step of merging harms nothing', async () => {
    for (const effect of ['fail', 'lose'] as const) {
      for (let n = 1; ; n++) {
        const place = newPlace()
        await append(openLog(blobsOf(place), place.clock).journal, ...numbered(10))
        const failing = faulty(place.backend, [{ effect, n }])
        const { log, journal } = openLog(blobsOf({ ...place, backend: failing as never }), place.clock)
        const rolled = log.roll()
        for (let turn = 0; turn < 12; turn++) await place.clock.advance(10_000) // waits between tries
        await rolled.catch((error) => expect(error).toMatchObject({ code: 'unavailable' }))
        if (failing.struck === 0) break
        expect(await valuesOf(journal), `${effect} ${n}`).toEqual(numbered(10))
        const again = openLog(blobsOf(place), place.clock)
        await again.log.roll()
        expect(await append(again.journal, 'value 10')).toBe(10)
        expect(await valuesOf(again.journal), `${effect} ${n}`).toEqual(numbered(11))
        expect(await keysOf(place.backend, 'seg'), `${effect} ${n}`).toHaveLength(1)
      }
    }
  })

  test('a crash at any step of merging leaves a whole log, and the next merge removes what was left', async () => {
    const place = newPlace()
    const { journal, log } = openLog(blobsOf(place), place.clock, { segmentBytes: 500 })
    const acknowledged: number[] = []
    for (const value of numbered(18)) {
      await append(journal, value)
      acknowledged.push(place.backend.recording.operations.length)
    }
    await log.roll()
    let states = 0
    for (const state of crashStates(place.backend.recording, { backend: { files: false } })) {
      const after = { ...place, backend: state.open() }
      const opened = openLog(blobsOf(after), place.clock)
      const least = acknowledged.filter((at) => at <= state.operations).length
      const values = await valuesOf(opened.journal)
      expect(values.length, state.description).toBeGreaterThanOrEqual(least)
      expect(values, state.description).toEqual(numbered(values.length))
      if (values.length === 0) continue
      expect(await append(opened.journal, `value ${values.length}`)).toBe(values.length)
      await opened.log.roll()
      expect(await valuesOf(openLog(blobsOf(after), place.clock).journal), state.description).toEqual(numbered(values.length + 1))
      expect(await keysOf(after.backend, 'seg')).toHaveLength((await opened.log.segments()).length)
      states++
    }
    expect(states).toBeGreaterThan(20)
  })
})

/** Half a segment of 1 MiB each. */
function largeValues(count: number): string[] {
  return numbered(count).map((value) => value.padEnd(2 ** 19, '.'))
}
