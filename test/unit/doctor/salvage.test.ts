// Whole records behind a torn write: a page that a power failure kept, behind one that it lost.

import { readFileSync, writeFileSync } from 'node:fs'
import { openQueue, type Quarantine, recover, scan } from 'varve'
import { faulty } from 'varve/testing'
import { describe, expect, test } from 'vitest'
import { makeLeft, makeTorn, segmentsOf, withBackend } from './torn-store.js'

const read = (directory: string) =>
  withBackend(directory, async (backend) => {
    const queue = await openQueue<string>(backend, 'q')
    const records = await queue.read({ limit: 100 })
    await queue.close()
    return records
  })

const scanAt = (directory: string) => withBackend(directory, (backend) => scan(backend))

describe('a torn tail', () => {
  test('that nobody opened keeps its good records at their offsets', async () => {
    const directory = await makeTorn()
    expect((await scanAt(directory)).anomalies).toMatchObject([{ kind: 'partial_write' }])
    const { after, salvagedRecords } = await withBackend(directory, (backend) => recover(backend, { mode: 'repair', salvage: true }))
    expect(after).toMatchObject({ healthy: true, notices: [] })
    expect(salvagedRecords).toBe(0)
    expect((await read(directory)).map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4, 6, 7, 8, 9])
  })

  test('that a later session left behind is noted, and is no anomaly', async () => {
    const directory = await makeLeft()
    const report = await scanAt(directory)
    expect(report).toMatchObject({ healthy: true, anomalies: [] })
    expect(report.notices).toMatchObject([{ kind: 'torn_tail', queue: 'q', bucket: 0, records: 4, firstOffset: 6, lastOffset: 9 }])
    const { salvagedRecords, after } = await withBackend(directory, (backend) => recover(backend, { mode: 'repair' }))
    expect(salvagedRecords).toBe(0)
    expect(after.notices).toEqual(report.notices)
  })

  test('is brought back whole, once, as new records that tell where they were', async () => {
    const directory = await makeLeft()
    const copies: string[] = []
    const quarantine: Quarantine = async (path, bytes) => {
      for await (const _ of bytes) copies.push(path)
    }
    const { before, after, salvagedRecords } = await withBackend(directory, (backend) =>
      recover(backend, { mode: 'quarantine', quarantine, salvage: true }),
    )
    expect(salvagedRecords).toBe(4)
    expect(before.notices.map(({ path }) => path)).toEqual(copies)
    expect(after).toMatchObject({ healthy: true, notices: [] })
    const records = await read(directory)
    expect(records.map(({ offset, value }) => [offset, value])).toEqual([
      [0, 'value 0'],
      [1, 'value 1'],
      [2, 'value 2'],
      [3, 'value 3'],
      [4, 'value 4'],
      [5, 'later'],
      [6, 'value 6'],
      [7, 'value 7'],
      [8, 'value 8'],
      [9, 'value 9'],
    ])
    expect(records.at(-1)).toMatchObject({ key: 'key 9', headers: { n: '9', 'varve-salvaged-offset': '9' } })
    const again = await withBackend(directory, (backend) => recover(backend, { mode: 'repair', salvage: true }))
    expect(again.salvagedRecords).toBe(0)
  })

  test('of a segment that is damaged as well is read before the repair', async () => {
    const directory = await makeLeft()
    const [path = ''] = segmentsOf(directory)
    const bytes = readFileSync(path)
    bytes.fill(0, bytes.indexOf('value 1'), bytes.indexOf('value 1') + 7)
    writeFileSync(path, bytes)
    const { before, after, salvagedRecords } = await withBackend(directory, (backend) =>
      recover(backend, { mode: 'repair', salvage: true }),
    )
    expect(before).toMatchObject({ lostRecords: 1, notices: [{ records: 4 }] })
    expect(salvagedRecords).toBe(4)
    expect(after).toMatchObject({ healthy: true, notices: [] })
    expect((await read(directory)).map(({ value }) => value)).toEqual([
      ...['value 0', 'value 2', 'value 3', 'value 4', 'later'],
      ...['value 6', 'value 7', 'value 8', 'value 9'],
    ])
  })

  test('is brought back once, also when the recovery fails at any of its writes and is run again', async () => {
    for (let n = 1, struck = 1; struck > 0; n++) {
      const directory = await makeLeft()
      struck = await withBackend(directory, async (backend) => {
        const failing = faulty(backend, [
          { on: ['file.append', 'file.sync', 'blobs.put', 'files.delete'], n, always: true, effect: 'fail', code: 'quota' },
        ])
        await recover(failing, { mode: 'repair', salvage: true }).catch((error) => expect(error.code).toMatch(/^(quota|unavailable)$/))
        return failing.struck
      })
      const { after } = await withBackend(directory, (backend) => recover(backend, { mode: 'repair', salvage: true }))
      expect(after, `write ${n}`).toMatchObject({ healthy: true, notices: [] })
      const values = (await read(directory)).map(({ value }) => value)
      expect(values.slice(0, 6)).toEqual(['value 0', 'value 1', 'value 2', 'value 3', 'value 4', 'later'])
      expect(values.slice(6), `write ${n}`).toEqual(['value 6', 'value 7', 'value 8', 'value 9'])
    }
  })

  test('of a queue that was sealed stays as it is', async () => {
    const directory = await makeLeft()
    await withBackend(directory, async (backend) => {
      const queue = await openQueue(backend, 'q')
      await queue.seal()
      await queue.close()
    })
    const { after, salvagedRecords } = await withBackend(directory, (backend) => recover(backend, { mode: 'repair', salvage: true }))
    expect(salvagedRecords).toBe(0)
    expect(after).toMatchObject({ healthy: true, notices: [{ records: 4 }] })
  })
})

test('what a queue whose entry is lost left behind is copied before it is removed', async () => {
  const directory = await makeTorn()
  await withBackend(directory, async (backend) => {
    await backend.blobs.delete(['queues/qq'])
    expect((await scan(backend)).anomalies).toMatchObject([{ kind: 'orphaned_file' }])
    const copies = new Map<string, number>()
    const quarantine: Quarantine = async (path, bytes) => {
      for await (const piece of bytes) copies.set(path, (copies.get(path) ?? 0) + piece.length)
    }
    const [segment = ''] = segmentsOf(directory)
    const size = readFileSync(segment).length
    expect((await recover(backend, { mode: 'quarantine', quarantine })).after.healthy).toBe(true)
    expect([...copies].filter(([path]) => path.includes('/seg/')).map(([, bytes]) => bytes)).toEqual([size])
    expect([...copies.keys()].some((path) => path.endsWith('/manifest'))).toBe(true)
  })
})

test('a recovery asks for the store before it looks, and a scan for a queue that is there', async () => {
  const directory = await makeLeft()
  await withBackend(directory, async (owner) => {
    await openQueue(owner, 'q')
    await withBackend(directory, async (other) => {
      await expect(recover(other, { mode: 'repair' })).rejects.toMatchObject({ code: 'denied' })
      expect((await recover(other, { mode: 'ignore' })).after.healthy).toBe(true)
      await expect(scan(other, { queue: 'nothing' })).rejects.toMatchObject({ code: 'missing' })
    })
  })
})
