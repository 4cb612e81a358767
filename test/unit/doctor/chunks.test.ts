import { type Backend, isStorageError, openQueue, recover, scan, type StoreAnomaly } from 'varve'
import { memory } from 'varve/adapters/memory'
import { type FaultBackend, faultBackend, faulty, flipStoredByte, storedKeys } from 'varve/testing'
import { describe, expect, test } from 'vitest'

const RECORDS = 30
const SMALL = { segmentBytes: 700 }
const BY_KEY = { compaction: 'key', key: (n: number) => String(n % 7) } as const
const all = Array.from({ length: RECORDS }, (_, n) => n)

/** As R2 has it: one write a commit, merged chunks stay for a while. */
function oneWriteACommit(backend: Backend): Backend {
  const { blobs } = backend
  return {
    name: 'plain',
    blobs: {
      traits: { ...blobs.traits, durable: 'remote' },
      get: (key, options) => blobs.get(key, options),
      put: (key, bytes, options) => blobs.put(key, bytes, options),
      delete: (keys, options) => blobs.delete(keys, options),
      list: (options) => blobs.list(options),
    },
    health: () => backend.health(),
    close: () => backend.close(),
  }
}

const places = [
  { place: 'the simulated disk', make: (): Backend => faultBackend({ files: false }) },
  { place: 'memory', make: (): Backend => memory() },
  { place: 'blobs with one write a commit', make: (): Backend => oneWriteACommit(faultBackend({ files: false })) },
]

/** Small segments first, chunks behind them. */
async function fill(backend: Backend, segmentBytes = 700): Promise<void> {
  const queue = await openQueue<number>(backend, 'q', { segmentBytes })
  for (const n of all) await queue.append(n)
  await (await queue.group('g')).commit(0, 10)
  await queue.close()
}

async function offsetsIn(backend: Backend): Promise<number[]> {
  const queue = await openQueue<number>(backend, 'q')
  const records = await queue.read({ limit: 1000 })
  for (const { offset, value } of records) expect(value).toBe(offset)
  await queue.close()
  return records.map(({ offset }) => offset)
}

const kindsOf = (anomalies: readonly StoreAnomaly[]): string[] => anomalies.map(({ kind }) => kind)

function lostOffsets(anomalies: readonly StoreAnomaly[]): number[] {
  return anomalies.flatMap(({ firstOffset = 0, lastOffset = -1 }) =>
    Array.from({ length: lastOffset - firstOffset + 1 }, (_, at) => firstOffset + at),
  )
}

const keysOf = async (backend: Backend, folder: string): Promise<string[]> =>
  (await storedKeys(backend, 'log/')).filter((key) => key.includes(`/0/${folder}`))

async function unmergedOf(backend: Backend): Promise<string[]> {
  const keys = await keysOf(backend, 'log/')
  const last = (await scan(backend)).scanned.records
  expect(last).toBe(RECORDS)
  return keys
}

/** What was found is what is lost, and nothing else is. */
async function expectRepaired(backend: Backend): Promise<void> {
  const { before, after } = await recover(backend, { mode: 'repair' })
  expect(after.anomalies).toEqual([])
  const lost = lostOffsets(before.anomalies)
  expect(await offsetsIn(backend)).toEqual(all.filter((n) => !lost.includes(n)))
  const queue = await openQueue<number>(backend, 'q')
  const { offset } = await queue.append(0)
  expect(offset).toBeGreaterThanOrEqual(RECORDS)
  await queue.close()
  expect((await scan(backend)).anomalies).toEqual([])
}

describe.each(places)('a log of chunks on $place', ({ make }) => {
  test('that is whole is healthy, and a scan changes nothing', async () => {
    const backend = make()
    await fill(backend)
    const before = await contentOf(backend)
    const report = await scan(backend)
    expect(report).toMatchObject({ healthy: true, scanned: { queues: 1, records: RECORDS } })
    expect(report.scanned.bytes).toBeGreaterThan(0)
    expect(await contentOf(backend)).toEqual(before)
  })

  test.each([
    ['the only chunk of a part', 3, 'missing_segment'],
    ['the first', 0, 'missing_segment'],
  ])('a chunk that is gone: %s', async (_, at, kind) => {
    const backend = make()
    await fill(backend, 1_000_000)
    const keys = await unmergedOf(backend)
    await backend.blobs.delete([keys[at] as string])
    const report = await scan(backend)
    expect(report.anomalies).toMatchObject([{ kind, path: keys[at], firstOffset: at, lastOffset: at }])
    expect(report.lostRecords).toBe(1)
    await expectRepaired(backend)
  })

  test.each([
    ['a later one', 9, 5],
    ['an earlier one', 2, 6],
    ['the last', RECORDS - 1, 6],
  ])('a chunk in the place of another: %s', async (_, from, to) => {
    const backend = make()
    await fill(backend, 1_000_000)
    const keys = await unmergedOf(backend)
    const copy = await backend.blobs.get(keys[from] as string)
    await backend.blobs.put(keys[to] as string, copy?.data as Uint8Array)
    expect((await scan(backend)).anomalies).toMatchObject([{ path: keys[to], firstOffset: to, lastOffset: to }])
    await expectRepaired(backend)
  })

  test('the last chunk cut to nothing, or an old one in its place: its offset is not given out again', async () => {
    for (const harm of [
      (backend: Backend, keys: readonly string[]) => cut(backend, keys[RECORDS - 1] as string, 0),
      async (backend: Backend, keys: readonly string[]) => {
        const old = await backend.blobs.get(keys[3] as string)
        await backend.blobs.put(keys[RECORDS - 1] as string, old?.data as Uint8Array)
      },
    ]) {
      const backend = make()
      await fill(backend, 1_000_000)
      await harm(backend, await unmergedOf(backend))
      expect(lostOffsets((await scan(backend)).anomalies)[0]).toBe(RECORDS - 1)
      await expectRepaired(backend)
    }
  })

  test('several chunks gone at once are one finding', async () => {
    const backend = make()
    await fill(backend, 1_000_000)
    await backend.blobs.delete((await unmergedOf(backend)).slice(4, 9))
    expect((await scan(backend)).anomalies).toMatchObject([{ kind: 'missing_segment', firstOffset: 4, lastOffset: 8 }])
    await expectRepaired(backend)
  })

  test('a damaged segment, in its header, its frames, its index', async () => {
    for (const [at, kind] of [
      [20, 'damaged_header'],
      [300, 'corrupted_frame'],
      [-1, 'missing_index'],
    ] as const) {
      const backend = make()
      await fill(backend)
      const [segment] = await keysOf(backend, 'seg/')
      await flipStoredByte(backend, segment as string, at)
      expect(kindsOf((await scan(backend)).anomalies)).toEqual([kind])
      await expectRepaired(backend)
    }
  })

  test('a segment that is gone, cut, or of another log', async () => {
    for (const [kind, harm] of [
      ['missing_segment', (backend: Backend, key: string) => backend.blobs.delete([key])],
      ['truncated_segment', (backend: Backend, key: string) => cut(backend, key, 400)],
      ['corrupted_frame', (backend: Backend, key: string) => cut(backend, key, 0)],
    ] as const) {
      const backend = make()
      await fill(backend)
      const [segment] = await keysOf(backend, 'seg/')
      await harm(backend, segment as string)
      const found = (await scan(backend)).anomalies
      expect(found.length).toBeGreaterThan(0)
      if (kind !== 'corrupted_frame') expect(kindsOf(found)).toContain(kind)
      await expectRepaired(backend)
    }
  })

  test('a manifest that is gone, or cannot be read, is made again', async () => {
    for (const harm of [
      (backend: Backend, key: string) => backend.blobs.delete([key]),
      (backend: Backend, key: string) => flipStoredByte(backend, key, 60),
    ]) {
      const backend = make()
      await fill(backend)
      const [manifest] = await keysOf(backend, 'manifest')
      await harm(backend, manifest as string)
      const report = await scan(backend)
      if (report.healthy) expect((await keysOf(backend, 'log/')).length).toBe(RECORDS)
      else expect(kindsOf(report.anomalies)).toEqual(['damaged_manifest'])
      await expectRepaired(backend)
    }
  })

  test('a manifest that cannot be read, of a log without chunks', async () => {
    const backend = make()
    await fill(backend)
    const queue = await openQueue<number>(backend, 'q')
    await queue.compact()
    await queue.close()
    await backend.blobs.delete(await keysOf(backend, 'log/'))
    expect((await scan(backend)).anomalies).toEqual([])
    await flipStoredByte(backend, (await keysOf(backend, 'manifest'))[0] as string, 60)
    expect(kindsOf((await scan(backend)).anomalies)).toEqual(['damaged_manifest'])
    await expectRepaired(backend)
  })

  test('a group whose positions cannot be read, and keys that mean nothing', async () => {
    const backend = make()
    await fill(backend)
    const [group] = await keysOf(backend, 'group/')
    const [manifest] = await keysOf(backend, 'manifest')
    await flipStoredByte(backend, group as string, 60)
    await backend.blobs.put((manifest as string).replace('manifest', 'log/notes'), new Uint8Array(3))
    expect(kindsOf((await scan(backend)).anomalies).sort()).toEqual(['damaged_group', 'unexpected_file'])
    await expectRepaired(backend)
  })

  test('a segment that nothing points to', async () => {
    const backend = make()
    await fill(backend)
    const [segment] = await keysOf(backend, 'seg/')
    const blob = await backend.blobs.get(segment as string)
    await backend.blobs.put((segment as string).replace(/[0-9a-f]{16}$/, '0123456789abcdef'), blob?.data as Uint8Array)
    expect(kindsOf((await scan(backend)).anomalies)).toEqual(['orphaned_file'])
    await expectRepaired(backend)
  })

  test('a sealed log stays sealed', async () => {
    const backend = make()
    await fill(backend, 1_000_000)
    const queue = await openQueue<number>(backend, 'q')
    await queue.seal()
    await queue.close()
    await flipStoredByte(backend, (await keysOf(backend, 'log/'))[5] as string)
    expect((await recover(backend, { mode: 'repair' })).after.anomalies).toEqual([])
    expect(await offsetsIn(backend)).toEqual(all.filter((n) => n !== 5))
    await expect((await openQueue<number>(backend, 'q')).append(1)).rejects.toMatchObject({ code: 'closed' })
  })

  test('copies are kept of all that is replaced', async () => {
    const backend = make()
    await fill(backend)
    const [segment] = await keysOf(backend, 'seg/')
    await flipStoredByte(backend, segment as string, 300)
    const damaged = (await backend.blobs.get(segment as string))?.data
    const copies = new Map<string, Uint8Array[]>()
    const quarantine = async (path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> => {
      expect(copies.has(path)).toBe(false)
      const parts: Uint8Array[] = []
      for await (const part of bytes) parts.push(part.slice())
      copies.set(path, parts)
    }
    await recover(backend, { mode: 'quarantine', quarantine })
    expect(copies.get(segment as string)).toEqual([damaged])
  })
})

const shared = [
  { place: 'the manifest checked in each commit', another: (disk: FaultBackend): Backend => disk.another() },
  { place: 'one write a commit', another: (disk: FaultBackend): Backend => oneWriteACommit(disk.another()) },
]

describe.each(shared)('beside others who write, with $place', ({ another }) => {
  test('a scan finds nothing while chunks are merged, compacted and trimmed', async () => {
    const disk = faultBackend({ files: false })
    const writers = await Promise.all([0, 1].map(() => openQueue<number>(another(disk), 'q', { ...SMALL, ...BY_KEY })))
    const reader = another(disk)
    let scans = 0
    const writing = Promise.all(
      writers.map(async (queue) => {
        for (let n = 0; n < 100 || scans < 5; n++) {
          await queue.append(n)
          if (n % 10 === 0) await new Promise(setImmediate)
          if (n % 40 === 39) await queue.compact()
          if (n === 70) await queue.trim(20)
        }
      }),
    )
    for (; scans < 5; scans++) {
      expect((await scan(reader)).anomalies).toEqual([])
      await new Promise(setImmediate)
    }
    await writing
    expect((await scan(reader)).healthy).toBe(true)
  })

  test('a writer that knew the end before it was damaged goes on behind what it may have held', async () => {
    const disk = faultBackend({ files: false })
    await fill(another(disk), 1_000_000)
    const queue = await openQueue<number>(another(disk), 'q')
    await queue.read({ limit: 1 })
    const doctor = another(disk)
    await flipStoredByte(doctor, (await keysOf(doctor, 'log/')).at(-1) as string, 76)
    const { lostRecords } = (await recover(doctor, { mode: 'repair' })).before
    expect(lostRecords).toBeGreaterThan(1)
    const { offset } = await queue.append(1000)
    expect(offset).toBe(RECORDS - 1 + lostRecords)
    expect((await scan(doctor)).anomalies).toEqual([])
    const records = await (await openQueue<number>(another(disk), 'q')).read({ from: RECORDS - 1 })
    expect(records.map((record) => [record.offset, record.value])).toEqual([[offset, 1000]])
  })

  test.each([
    ['in the middle', 5, 50],
    ['the last, in what tells how many records it held', -1, 76],
    ['the last, in its body', -1, -6],
  ])('a repair of a chunk loses nothing that is appended meanwhile: %s', async (_, which, at) => {
    const disk = faultBackend({ files: false })
    await fill(another(disk), 1_000_000)
    const queue = await openQueue<number>(another(disk), 'q', SMALL)
    await queue.read({ limit: 1 })
    const doctor = another(disk)
    await flipStoredByte(doctor, (await keysOf(doctor, 'log/')).at(which) as string, at)
    const lost = lostOffsets((await scan(doctor)).anomalies)
    expect(lost).toContain(which === 5 ? 5 : RECORDS - 1)
    const appended = new Map<number, number>()
    const appending = (async () => {
      for (let n = 1000; n < 1060; n++) {
        const receipt = await queue.append(n).catch((error: unknown) => {
          if (!isStorageError(error, 'corrupt')) throw error
        })
        if (receipt !== undefined) appended.set(receipt.offset, n)
      }
    })()
    const { after } = await recover(doctor, { mode: 'repair' })
    await appending
    expect(after.anomalies).toEqual([])
    expect((await scan(doctor)).anomalies).toEqual([])
    const late = await openQueue<number>(another(disk), 'q')
    const { offset } = await late.append(2000)
    appended.set(offset, 2000)
    const found = (await late.read({ limit: 1000 })).map((record) => [record.offset, record.value] as const)
    const kept = all.filter((n) => !lost.includes(n)).map((n) => [n, n] as const)
    expect(found).toEqual([...kept, ...appended].sort(([a], [b]) => a - b))
    expect(new Set(found.map(([one]) => one)).size).toBe(found.length)
    expect(appended.size).toBeGreaterThan(which === 5 ? 60 : 0)
  })
})

test('relaxed puts that a power failure took leave a shorter log, which is no damage; what was flushed is', async () => {
  const backend = faultBackend({ files: false, defaultDurability: 'relaxed', relaxedLoss: 'suffix' })
  await fill(backend, 1_000_000)
  const keys = await keysOf(backend, 'log/')
  const [last] = keys.slice(-1)
  const [manifest] = await keysOf(backend, 'manifest')
  expect(manifest).toBeDefined()
  const queue = await openQueue<number>(backend, 'q')
  await queue.append(RECORDS)
  const unflushed = (await keysOf(backend, 'log/')).at(-1) as string
  expect(unflushed).not.toBe(last)
  await backend.blobs.delete([unflushed])
  const beside = backend.another()
  expect((await scan(beside)).anomalies).toEqual([])
  await beside.blobs.delete([last as string])
  expect((await scan(beside)).anomalies).toMatchObject([
    { kind: 'missing_segment', path: last, firstOffset: RECORDS - 1, lastOffset: RECORDS - 1 },
  ])
  await expectRepaired(beside)
})

async function cut(backend: Backend, key: string, bytes: number): Promise<void> {
  const blob = await backend.blobs.get(key)
  await backend.blobs.put(key, (blob as { readonly data: Uint8Array }).data.slice(0, bytes))
}

async function contentOf(backend: Backend): Promise<unknown[]> {
  const content: unknown[] = []
  for (const key of await storedKeys(backend)) content.push([key, (await backend.blobs.get(key))?.data])
  return content
}

/** Runs the harm on the same stored log again and again. */
async function imageOf(segmentBytes: number) {
  const backend = faultBackend({ files: false })
  await fill(backend, segmentBytes)
  const { initial, operations } = backend.recording
  expect(initial.blobs.size).toBe(0)
  expect(operations.length).toBeGreaterThan(RECORDS)
  const content: [string, Uint8Array][] = []
  for (const key of await storedKeys(backend)) content.push([key, (await backend.blobs.get(key))?.data as Uint8Array])
  return async (): Promise<ReturnType<typeof faultBackend>> => {
    const again = faultBackend({ files: false })
    for (const [key, bytes] of content) await again.blobs.put(key, bytes)
    return again
  }
}

describe('a flip of any byte is found, and what is whole stays', () => {
  test.each([
    ['a chunk in the middle', 'log/', 7, 1_000_000],
    ['the last chunk', 'log/', -1, 1_000_000],
    ['a segment', 'seg/', 0, 700],
  ])('of %s', async (_, folder, which, segmentBytes) => {
    const fresh = await imageOf(segmentBytes)
    const key = (await keysOf(await fresh(), folder)).at(which) as string
    const size = (await (await fresh()).blobs.get(key))?.bytes as number
    for (let at = 0; at < size; at++) {
      const backend = await fresh()
      await flipStoredByte(backend, key, at)
      const { before, after } = await recover(backend, { mode: 'repair' })
      if (folder === 'log/') expect(before.healthy, `byte ${at}`).toBe(false)
      expect(after.anomalies).toEqual([])
      const lost = lostOffsets(before.anomalies)
      expect(lost.filter((n) => n < RECORDS).length, `byte ${at}`).toBeLessThanOrEqual(1)
      expect(await offsetsIn(backend)).toEqual(all.filter((n) => !lost.includes(n)))
    }
  })
})

describe('a repair that fails at any operation is done again', () => {
  const harms: readonly (readonly [what: string, folders: readonly (readonly [folder: string, which: number])[]])[] = [
    [
      'chunks',
      [
        ['log/', 1],
        ['log/', -1],
      ],
    ],
    [
      'a segment and a chunk',
      [
        ['seg/', 0],
        ['log/', -1],
      ],
    ],
    [
      'the manifest and a segment',
      [
        ['manifest', 0],
        ['seg/', 0],
      ],
    ],
  ]

  async function harm(backend: Backend, folders: readonly (readonly [string, number])[]): Promise<void> {
    for (const [folder, at] of folders) await flipStoredByte(backend, (await keysOf(backend, folder)).at(at) as string, 100)
  }

  test.each(harms)('of %s', async (what, folders) => {
    const fresh = await imageOf(what === 'chunks' ? 1_000_000 : 700)
    for (const effect of ['fail', 'lose'] as const) {
      for (let n = 1; ; n++) {
        const backend = await fresh()
        await harm(backend, folders)
        const lost = lostOffsets((await scan(backend)).anomalies)
        const broken = faulty(backend.another(), [{ n, effect, code: 'denied' }])
        const outcome = await recover(broken, { mode: 'repair' }).then(
          () => 'done',
          () => 'failed',
        )
        if (broken.struck === 0) break
        if (outcome === 'done') expect(effect).toBe('lose')
        const { after } = await recover(backend, { mode: 'repair' })
        expect(after.anomalies, `operation ${n}`).toEqual([])
        expect(await offsetsIn(backend), `operation ${n}`).toEqual(all.filter((offset) => !lost.includes(offset)))
      }
    }
  })
})

describe('a manifest that is lost after a crash at any operation', () => {
  const keyOf = (n: number): string => `k${n % 5}`

  /** Segments that grow, are replaced and dropped, chunks behind them. */
  async function use(backend: Backend, compaction: { readonly compaction: 'key' } | object): Promise<void> {
    const queue = await openQueue<number>(backend, 'q', { ...SMALL, ...compaction, key: keyOf })
    for (const n of all) {
      await queue.append(n)
      if (n === 12) await queue.trim(4)
      if (n === 14 || n === 24) await queue.compact()
    }
    await queue.close()
  }

  test.each([
    ['merged segments', {}],
    ['compacted segments', { compaction: 'key' }],
  ])('is made again with all records: %s', async (_, compaction) => {
    let rebuilt = 0
    for (let n = 3; ; n++) {
      const backend = faultBackend({ files: false })
      const crashing = faulty(backend.another(), [{ n, effect: 'fail', always: true, code: 'denied' }])
      await use(crashing, compaction).catch(() => {})
      const before = await offsetsIn(backend)
      const [manifest] = await keysOf(backend, 'manifest')
      if (manifest !== undefined) {
        rebuilt++
        await flipStoredByte(backend, manifest, 60)
        const { after } = await recover(backend, { mode: 'repair' })
        expect(after.anomalies, `operation ${n}`).toEqual([])
        const there = await offsetsIn(backend)
        const wanted = 'compaction' in compaction ? before.filter((one) => !before.includes(one + 5)) : before
        expect(there, `operation ${n}`).toEqual(expect.arrayContaining(wanted))
        const queue = await openQueue<number>(backend, 'q')
        expect((await queue.append(0)).offset, `operation ${n}`).toBeGreaterThan(Math.max(-1, ...before))
        await queue.close()
      }
      if (crashing.struck === 0) break
    }
    expect(rebuilt).toBeGreaterThan(20)
  })
})
