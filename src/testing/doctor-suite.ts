// What a scan must find and a recovery mend, on any backend that has queues. Damage is done through the port of blobs.

import { equalBytes } from '../core/base/bytes.js'
import { recover } from '../core/compose/recover.js'
import { scan, type StoreAnomaly } from '../core/compose/scan.js'
import { openQueue } from '../core/features/queue/open-queue.js'
import type { Backend } from '../core/ports/backend.js'
import { expectEqual, expectRejects, expectTrue } from './assert.js'
import { flipStoredByte, storedKeys } from './damage.js'
import { range } from './queue-place.js'
import { backendCase, type MakeBackend, type SuiteCase } from './suite.js'

const RECORDS = 24
/** So small that a few records fill a segment. */
const SMALL = { segmentBytes: 700 }
/** So large that nothing is merged. */
const LARGE = { segmentBytes: 1_000_000 }

function doctorCase(name: string, make: MakeBackend, body: (backend: Backend) => Promise<void>): SuiteCase {
  return backendCase(`doctor: ${name}`, make, body)
}

/** For every backend with queues. */
export function doctorSuite(make: MakeBackend): readonly SuiteCase[] {
  return [
    doctorCase('a store that is whole is healthy, and a scan changes nothing', make, async (backend) => {
      await fill(backend, SMALL)
      const before = await contentOf(backend)
      const report = await scan(backend)
      expectEqual(report.anomalies, [])
      expectEqual([report.healthy, report.scanned.queues, report.scanned.records], [true, 1, RECORDS])
      const after = await contentOf(backend)
      expectEqual([...after.keys()], [...before.keys()])
      for (const [key, bytes] of before) expectTrue(equalBytes(after.get(key) ?? new Uint8Array(0), bytes), `${key} is as it was`)
    }),
    doctorCase('a manifest that cannot be read is named and made again', make, async (backend) => {
      await fill(backend, SMALL)
      await flipStoredByte(backend, await keyIn(backend, 'manifest', 0), 60)
      expectEqual(kindsOf((await scan(backend)).anomalies), ['damaged_manifest'])
      await expectRepaired(backend, [])
    }),
    doctorCase('a group that cannot be read is named, and goes on from what its log says, or anew and says so', make, async (backend) => {
      await fill(backend, SMALL)
      await flipStoredByte(backend, await keyIn(backend, 'group/', 0), 60)
      expectEqual(kindsOf((await scan(backend)).anomalies), ['damaged_group'])
      await expectRepaired(backend, [])
      const queue = await openQueue<number>(backend, 'q')
      const told: unknown[] = []
      queue.watch((event) => told.push(event))
      const committed = await (await queue.group('g')).committed()
      const isKept = backend.files !== undefined
      expectEqual(committed, [isKept ? 10 : 0])
      expectEqual(told, isKept ? [] : [{ type: 'rewound', group: 'g', bucket: 0, from: RECORDS, to: 0 }])
      await queue.close()
    }),
    doctorCase('marks that cannot be read are named, and their task begins anew', make, async (backend) => {
      await fill(backend, SMALL)
      const before = await openQueue<number>(backend, 'q')
      await (await before.marks('train')).take({ limit: 3 })
      await before.close()
      expectEqual((await scan(backend)).healthy, true)
      const [marks = ''] = (await storedKeys(backend, 'log/')).filter((key) => key.includes('/marks/'))
      await flipStoredByte(backend, marks, 60)
      expectEqual(kindsOf((await scan(backend)).anomalies), ['damaged_marks'])
      const damaged = await openQueue<number>(backend, 'q')
      await expectRejects(damaged.marks('train'), 'corrupt')
      await damaged.close()
      await expectRepaired(backend, [])
      const queue = await openQueue<number>(backend, 'q')
      expectEqual((await (await queue.marks('train')).take())?.places, [{ bucket: 0, offset: 0 }])
      await queue.close()
    }),
    doctorCase('what ids said that cannot be read is named, refused, and read from the records again', make, async (backend) => {
      const queue = await openQueue<number>(backend, 'q')
      await queue.append(1, { id: 'a' })
      await queue.append(2)
      await queue.close()
      await flipStoredByte(backend, await keyIn(backend, 'appended', 0), 60)
      expectEqual(kindsOf((await scan(backend)).anomalies), ['damaged_history'])
      const damaged = await openQueue<number>(backend, 'q')
      await expectRejects(damaged.append(1, { id: 'a' }), 'corrupt')
      expectEqual((await damaged.append(3)).offset, 2)
      await damaged.close()
      await recover(backend, { mode: 'repair' })
      expectEqual((await scan(backend)).anomalies, [])
      const mended = await openQueue<number>(backend, 'q')
      const again = await mended.append(1, { id: 'a' })
      expectEqual([again.offset, again.duplicate], [0, true])
      await mended.close()
    }),
    doctorCase('a damaged catalogue is named, and nothing is removed that may belong to it', make, async (backend) => {
      await fill(backend, SMALL)
      const [entry = ''] = await storedKeys(backend, 'queues/')
      await flipStoredByte(backend, entry, 60)
      const before = await contentOf(backend)
      expectEqual(kindsOf((await recover(backend, { mode: 'repair' })).after.anomalies), ['damaged_catalogue'])
      expectEqual([...(await contentOf(backend)).keys()], [...before.keys()])
    }),
    doctorCase('a recovery in quarantine mode keeps a copy of what it removes', make, async (backend) => {
      await fill(backend, SMALL)
      const key = await keyIn(backend, 'group/', 0)
      await flipStoredByte(backend, key, 60)
      const damaged = (await backend.blobs.get(key))?.data ?? new Uint8Array(0)
      const copies = new Map<string, Uint8Array>()
      const quarantine = async (path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> => {
        for await (const piece of bytes) copies.set(path, piece.slice())
      }
      expectTrue((await recover(backend, { mode: 'quarantine', quarantine })).after.healthy, 'the group is gone')
      expectTrue(equalBytes(copies.get(key) ?? new Uint8Array(0), damaged), 'the copy is what was there')
    }),
  ]
}

/** For backends whose logs are made of blobs. */
export function chunkDoctorSuite(make: MakeBackend): readonly SuiteCase[] {
  return [
    doctorCase('a chunk that is gone', make, async (backend) => {
      await fill(backend, LARGE)
      const key = await keyIn(backend, 'log/', 3)
      await backend.blobs.delete([key])
      await expectFound(backend, 'missing_segment', key, [3])
      await expectRepaired(backend, [3])
    }),
    doctorCase('a chunk with a flipped bit', make, async (backend) => {
      await fill(backend, LARGE)
      const key = await keyIn(backend, 'log/', 5)
      await flipStoredByte(backend, key)
      await expectFound(backend, 'corrupted_frame', key, [5])
      await expectRepaired(backend, [5])
    }),
    doctorCase('a chunk with a damaged header loses nothing', make, async (backend) => {
      await fill(backend, LARGE)
      const key = await keyIn(backend, 'log/', 5)
      await flipStoredByte(backend, key, 13)
      await expectFound(backend, 'damaged_header', key, [])
      await expectRepaired(backend, [])
    }),
    doctorCase('the last chunk damaged: its offset is not given out again', make, async (backend) => {
      await fill(backend, LARGE)
      const key = await keyIn(backend, 'log/', -1)
      await flipStoredByte(backend, key)
      await expectFound(backend, 'corrupted_frame', key, [RECORDS - 1])
      await expectRepaired(backend, [RECORDS - 1])
    }),
    doctorCase('a merged segment with a flipped bit', make, async (backend) => {
      await fill(backend, SMALL)
      const key = await keyIn(backend, 'seg/', 0)
      await flipStoredByte(backend, key, 300)
      const report = await scan(backend)
      expectEqual(kindsOf(report.anomalies), ['corrupted_frame'])
      expectEqual(report.lostRecords, 1)
      await expectRepaired(backend, lostIn(report.anomalies))
    }),
    doctorCase('a merged segment that is gone', make, async (backend) => {
      await fill(backend, SMALL)
      const key = await keyIn(backend, 'seg/', 0)
      await backend.blobs.delete([key])
      const report = await scan(backend)
      expectEqual(kindsOf(report.anomalies), ['missing_segment'])
      await expectRepaired(backend, lostIn(report.anomalies))
    }),
    doctorCase('a merged segment without its index loses nothing', make, async (backend) => {
      await fill(backend, SMALL)
      await flipStoredByte(backend, await keyIn(backend, 'seg/', 0))
      expectEqual(kindsOf((await scan(backend)).anomalies), ['missing_index'])
      await expectRepaired(backend, [])
    }),
  ]
}

async function fill(backend: Backend, options: { readonly segmentBytes: number }): Promise<void> {
  const queue = await openQueue<number>(backend, 'q', options)
  for (const n of range(RECORDS)) await queue.append(n)
  await (await queue.group('g')).commit(0, 10)
  await queue.close()
}

/** One of the blobs of the log in a folder of it; from the end when negative. */
async function keyIn(backend: Backend, folder: string, at: number): Promise<string> {
  const key = (await storedKeys(backend, 'log/')).filter((one) => one.includes(`/0/${folder}`)).at(at)
  expectTrue(key !== undefined, `something lies in ${folder}`)
  return key ?? ''
}

async function contentOf(backend: Backend): Promise<Map<string, Uint8Array>> {
  const content = new Map<string, Uint8Array>()
  for (const key of await storedKeys(backend)) content.set(key, (await backend.blobs.get(key))?.data ?? new Uint8Array(0))
  return content
}

const kindsOf = (anomalies: readonly StoreAnomaly[]): string[] => anomalies.map(({ kind }) => kind)

function lostIn(anomalies: readonly StoreAnomaly[]): number[] {
  return anomalies.flatMap(({ firstOffset = 0, lastOffset = -1 }) => range(lastOffset - firstOffset + 1, firstOffset))
}

async function expectFound(backend: Backend, kind: string, path: string, lost: readonly number[]): Promise<void> {
  const { anomalies, lostRecords } = await scan(backend)
  expectEqual([kindsOf(anomalies), anomalies[0]?.path, lostIn(anomalies), lostRecords], [[kind], path, lost, lost.length])
}

/** All but what was lost is there at its offset, the log goes on behind, and a scan finds nothing. */
async function expectRepaired(backend: Backend, lost: readonly number[]): Promise<void> {
  expectEqual((await recover(backend, { mode: 'repair' })).after.anomalies, [])
  const queue = await openQueue<number>(backend, 'q')
  const { offset: next } = await queue.append(RECORDS)
  expectTrue(next >= RECORDS, `no offset is given out again, this is ${next}`)
  const kept = range(RECORDS).filter((n) => !lost.includes(n))
  expectEqual(
    (await queue.read({ limit: 100 })).map(({ offset, value }) => [offset, value]),
    [...kept.map((n) => [n, n]), [next, RECORDS]],
  )
  await queue.close()
  expectEqual((await scan(backend)).anomalies, [])
}
