import { describe, expect, test } from 'vitest'
import { faulty } from 'varve/testing'
import { append, GRACE_MS, keysOf, newPlace, numbered, openLog, type OpenLog, type Place, valuesOf, withoutBatch } from './chunk-places.js'

describe('a stalled writer, with the manifest checked in each commit', () => {
  test('whose number was merged and deleted appends behind what is there', async () => {
    const { backend, clock } = newPlace()
    const stalled = openLog(backend.blobs, clock)
    const other = openLog(backend.blobs, clock)
    expect(await append(stalled.journal, 'value 0')).toBe(0)
    await append(other.journal, ...numbered(6, 1))
    await other.log.roll()
    expect(await keysOf(backend, 'log')).toEqual([])
    expect(await append(stalled.journal, 'value 7')).toBe(7)
    expect(await append(other.journal, 'value 8')).toBe(8)
    for (const { journal } of [stalled, other, openLog(backend.blobs, clock)]) expect(await valuesOf(journal)).toEqual(numbered(9))
  })

  test('that knows an empty log finds what was merged since', async () => {
    const { backend, clock } = newPlace()
    const stalled = openLog(backend.blobs, clock)
    expect((await stalled.log.end()).next).toBe(0)
    const other = openLog(backend.blobs, clock)
    await append(other.journal, ...numbered(3))
    await other.log.roll()
    expect(await append(stalled.journal, 'value 3')).toBe(3)
    expect(await valuesOf(other.journal)).toEqual(numbered(4))
  })

  test('whose put arrives after its number was merged and deleted is not acknowledged there', async () => {
    const { backend, clock } = newPlace()
    let wake = (): void => {}
    const until = new Promise<void>((resolve) => {
      wake = resolve
    })
    const slow = faulty(backend, [{ on: 'blobs.batch', key: '/log/', n: 2, effect: 'delay', until }])
    const stalled = openLog(slow.blobs, clock)
    await append(stalled.journal, 'value 0')
    const late = append(stalled.journal, 'late')
    const other = openLog(backend.blobs, clock)
    await append(other.journal, ...numbered(5, 1))
    await other.log.roll()
    wake()
    expect(await late).toBe(6)
    expect(await valuesOf(other.journal)).toEqual([...numbered(6), 'late'])
  })

  test('that learned of the merge by another write of its own does not put the old number', async () => {
    const { backend, clock } = newPlace()
    const stalled = openLog(backend.blobs, clock)
    await append(stalled.journal, 'value 0')
    const other = openLog(backend.blobs, clock)
    await append(other.journal, ...numbered(5, 1))
    await other.log.roll()
    await stalled.log.trim(2)
    expect(await append(stalled.journal, 'value 6')).toBe(6)
    expect(await valuesOf(other.journal, 2)).toEqual(numbered(5, 2))
  })

  test('an idle reader sees what was appended and merged since', async () => {
    const { backend, clock } = newPlace()
    const idle = openLog(backend.blobs, clock)
    expect(await valuesOf(idle.journal)).toEqual([])
    const other = openLog(backend.blobs, clock)
    await append(other.journal, ...numbered(4))
    await other.log.roll()
    expect(await valuesOf(idle.journal)).toEqual(numbered(4))
  })
})

describe('a stalled writer, with one write a commit', () => {
  /** Merges, and comes back until the chunks are deleted. */
  async function mergeAndDelete({ backend, clock }: Place, { log, journal }: OpenLog, next: number): Promise<number> {
    await log.roll()
    await append(journal, `value ${next}`)
    await log.roll()
    await clock.advance(GRACE_MS)
    await append(journal, `value ${next + 1}`)
    await log.roll()
    expect((await keysOf(backend, 'log')).length).toBeLessThan(next)
    return next + 2
  }

  test('merged chunks stay until the grace is over', async () => {
    const place = newPlace()
    const { backend, clock } = place
    const { log, journal } = openLog(withoutBatch(backend), clock)
    await append(journal, ...numbered(5))
    await log.roll()
    await clock.advance(GRACE_MS)
    await log.roll()
    expect(await keysOf(backend, 'log'), 'nobody saw the merge stored').toHaveLength(5)
    await append(journal, 'value 5')
    await log.roll()
    await clock.advance(GRACE_MS - 1)
    await log.roll()
    expect(await keysOf(backend, 'log')).toHaveLength(6)
    await clock.advance(1)
    await log.roll()
    expect(await keysOf(backend, 'log')).toHaveLength(1)
    expect(await valuesOf(openLog(withoutBatch(backend), clock).journal)).toEqual(numbered(6))
  })

  test('merged chunks go also when nothing more is appended', async () => {
    const { backend, clock } = newPlace()
    const { log, journal } = openLog(withoutBatch(backend), clock)
    await append(journal, ...numbered(5))
    for (let times = 0; times < 3; times++) {
      await log.roll()
      await clock.advance(GRACE_MS)
    }
    expect(await keysOf(backend, 'log')).toHaveLength(0)
    expect(await valuesOf(openLog(withoutBatch(backend), clock).journal)).toEqual(numbered(5))
  })

  test('whose knowledge is old looks first, and appends behind what is there', async () => {
    const place = newPlace()
    const blobs = withoutBatch(place.backend)
    const stalled = openLog(blobs, place.clock)
    await append(stalled.journal, 'value 0')
    const other = openLog(blobs, place.clock)
    await append(other.journal, ...numbered(5, 1))
    const next = await mergeAndDelete(place, other, 6)
    expect(await append(stalled.journal, `value ${next}`)).toBe(next)
    expect(await valuesOf(other.journal)).toEqual(numbered(next + 1))
  })

  test('whose put arrives after its number was merged and deleted is not acknowledged, and nobody sees it', async () => {
    const place = newPlace()
    const { backend, clock } = place
    let wake = (): void => {}
    const until = new Promise<void>((resolve) => {
      wake = resolve
    })
    const slow = faulty(backend, [{ on: 'blobs.put', key: '/log/', n: 2, effect: 'delay', until }])
    const stalled = openLog(withoutBatch(slow), clock)
    await append(stalled.journal, 'value 0')
    const late = append(stalled.journal, 'late')
    const idle = openLog(withoutBatch(backend), clock)
    await idle.log.end()
    const other = openLog(withoutBatch(backend), clock)
    await append(other.journal, ...numbered(5, 1))
    const next = await mergeAndDelete(place, other, 6)
    wake()
    await expect(late).rejects.toMatchObject({ code: 'unavailable' })
    expect(
      (await keysOf(backend, 'log')).some((key) => key.endsWith('/log/00000000000000000001')),
      'a ghost lies there',
    ).toBe(true)
    for (const { journal } of [idle, other, stalled, openLog(withoutBatch(backend), clock)]) {
      expect(await valuesOf(journal)).toEqual(numbered(next))
    }
    expect(await append(stalled.journal, `value ${next}`)).toBe(next)
    await append(other.journal, `value ${next + 1}`)
    await other.log.roll()
    await clock.advance(GRACE_MS)
    await append(other.journal, `value ${next + 2}`)
    await other.log.roll()
    expect(
      (await keysOf(backend, 'log')).some((key) => key.endsWith('/log/00000000000000000001')),
      'the ghost is gone',
    ).toBe(false)
    expect(await valuesOf(idle.journal)).toEqual(numbered(next + 3))
  })

  test('whose clock was set back while it waited trusts nothing it knew', async () => {
    const place = newPlace()
    const blobs = withoutBatch(place.backend)
    const stalled = openLog(blobs, place.clock)
    await append(stalled.journal, 'value 0')
    const before = place.clock.now()
    const other = openLog(blobs, place.clock)
    await append(other.journal, ...numbered(5, 1))
    const next = await mergeAndDelete(place, other, 6)
    await place.clock.set(before - 1)
    expect(await append(stalled.journal, `value ${next}`)).toBe(next)
    expect(await valuesOf(other.journal)).toEqual(numbered(next + 1))
  })
})
