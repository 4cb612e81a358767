import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { checkOnStart, isStorageError, openQueue, openStore, recover, type RecoverOptions, scan, type StoreAnomaly } from 'varve'
import { nodeFs } from 'varve/adapters/node-fs'
import { afterAll, describe, expect, test } from 'vitest'

const root = mkdtempSync(join(tmpdir(), 'varve-doctor-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let made = 0

const RECORDS = 60

/** A closed store with two queues; `a` has several segments and a group. */
async function makeStore(): Promise<string> {
  const directory = join(root, String(made++))
  const backend = nodeFs({ directory })
  const store = await openStore(backend)
  for (const name of ['a', 'b']) {
    const queue = await openQueue<number>(store, name, { segmentBytes: 1024 })
    for (let n = 0; n < RECORDS; n++) await queue.append(n)
    const group = await queue.group('g')
    await group.commit(0, 10)
  }
  await store.close()
  await backend.close()
  return directory
}

async function withBackend<T>(directory: string, use: (backend: ReturnType<typeof nodeFs>) => Promise<T>): Promise<T> {
  const backend = nodeFs({ directory })
  try {
    return await use(backend)
  } finally {
    await backend.close()
  }
}

const scanAt = (directory: string) => withBackend(directory, (backend) => scan(backend))
const recoverAt = (directory: string, options: RecoverOptions) => withBackend(directory, (backend) => recover(backend, options))

function readAt(directory: string, name: string): Promise<number[]> {
  return withBackend(directory, async (backend) => {
    const queue = await openQueue<number>(backend, name)
    const records = await queue.read({ limit: 1000 })
    await queue.close()
    return records.map(({ offset }) => offset)
  })
}

/** Files that hold the segments of a queue's only bucket, oldest first. */
async function segmentsOf(directory: string, name: string): Promise<string[]> {
  return withBackend(directory, async (backend) => {
    const { incarnations } = await incarnationsOf(backend)
    const prefix = incarnations[name === 'a' ? 0 : 1] as string
    return filesUnder(directory).filter((path) => path.includes(prefix) && /\/\d{10}-/.test(path) && !path.includes('groups'))
  })
}

/** Segments of the log of its only group, oldest first. */
async function groupLogsOf(directory: string, name: string): Promise<string[]> {
  const { incarnations } = await withBackend(directory, incarnationsOf)
  const incarnation = incarnations[name === 'a' ? 0 : 1] as string
  return filesUnder(directory).filter((path) => path.includes(incarnation) && path.includes('groups') && /\/\d{10}-/.test(path))
}

/** What the group says, and what it tells when it is opened. */
function groupAt(directory: string, name: string): Promise<{ committed: readonly number[]; told: readonly unknown[] }> {
  return withBackend(directory, async (backend) => {
    const queue = await openQueue<number>(backend, name)
    const told: unknown[] = []
    queue.watch((event) => told.push(event))
    const committed = await (await queue.group('g')).committed()
    await queue.close()
    return { committed, told }
  })
}

/** In the order in which the queues were made: by the time of their files. */
async function incarnationsOf(backend: ReturnType<typeof nodeFs>): Promise<{ incarnations: string[] }> {
  const incarnations: string[] = []
  for (const name of ['a', 'b']) {
    const blob = await backend.blobs.get(`queues/q${name}`)
    const text = new TextDecoder('latin1').decode(blob?.data)
    incarnations.push(/log\/(i[0-9a-f]{16})/.exec(text)?.[1] as string)
  }
  return { incarnations }
}

function filesUnder(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at] = (bytes[at] as number) ^ 0x10
  writeFileSync(path, bytes)
}

const kindsOf = (anomalies: readonly StoreAnomaly[]): string[] => anomalies.map(({ kind }) => kind)
const all = Array.from({ length: RECORDS }, (_, n) => n)

async function expectRepaired(directory: string, lost: readonly number[]): Promise<void> {
  const { after } = await recoverAt(directory, { mode: 'repair' })
  expect(after.anomalies).toEqual([])
  expect(after.healthy).toBe(true)
  expect((await scanAt(directory)).anomalies).toEqual([])
  expect(await readAt(directory, 'a')).toEqual(all.filter((n) => !lost.includes(n)))
  expect(await readAt(directory, 'b')).toEqual(all)
}

function lostOffsets(anomalies: readonly StoreAnomaly[]): number[] {
  return anomalies.flatMap(({ firstOffset, lastOffset }) =>
    firstOffset === undefined || lastOffset === undefined ? [] : all.filter((n) => n >= firstOffset && n <= lastOffset),
  )
}

describe('a scan', () => {
  test('of a closed store finds nothing and changes nothing', async () => {
    const directory = await makeStore()
    const before = filesUnder(directory).map((path) => [path, readFileSync(path).toString('hex')])
    const report = await scanAt(directory)
    expect(report).toMatchObject({ healthy: true, anomalies: [], lostRecords: 0, scanned: { queues: 2, records: 2 * RECORDS } })
    const after = filesUnder(directory).map((path) => [path, readFileSync(path).toString('hex')])
    expect(after.filter(([path]) => !path?.includes('lock'))).toEqual(before.filter(([path]) => !path?.includes('lock')))
  })

  test('beside a running writer finds nothing', async () => {
    const directory = join(root, String(made++))
    const writer = nodeFs({ directory })
    const queue = await openQueue<number>(writer, 'q', { segmentBytes: 1024, compaction: 'key', key: (n) => String(n % 3) })
    let isDone = false
    const writing = (async () => {
      for (let n = 0; n < 400; n++) {
        await queue.append(n)
        if (n % 100 === 99) await queue.compact()
      }
      isDone = true
    })()
    let scans = 0
    while (!isDone) {
      const beside = nodeFs({ directory })
      const store = await openStore(beside, { mode: 'read' })
      expect((await scan(store)).anomalies).toEqual([])
      await store.close()
      await beside.close()
      scans++
    }
    await writing
    expect(scans).toBeGreaterThan(1)
    await queue.close()
    await writer.close()
  })

  test('tells its progress', async () => {
    const directory = await makeStore()
    const seen: number[] = []
    await withBackend(directory, (backend) => scan(backend, { queue: 'a', progress: ({ bytes }) => seen.push(bytes) }))
    expect(seen.length).toBeGreaterThan(2)
    expect([...seen].sort((x, y) => x - y)).toEqual(seen)
  })
})

describe('damage by hand is named, repaired, and then gone', () => {
  test('a byte flipped in a sealed segment', async () => {
    const directory = await makeStore()
    const [first] = await segmentsOf(directory, 'a')
    flip(first as string, 400)
    const report = await scanAt(directory)
    expect(kindsOf(report.anomalies)).toEqual(['corrupted_frame'])
    expect(report.anomalies[0]).toMatchObject({ queue: 'a', bucket: 0 })
    expect(report.lostRecords).toBe(1)
    await expectRepaired(directory, lostOffsets(report.anomalies))
  })

  test('a tail that was cut', async () => {
    const directory = await makeStore()
    const last = (await segmentsOf(directory, 'a')).at(-1) as string
    truncateSync(last, 400)
    const report = await scanAt(directory)
    expect(kindsOf(report.anomalies)).toEqual(['truncated_segment'])
    expect(report.anomalies[0]?.lastOffset).toBe(RECORDS - 1)
    await expectRepaired(directory, lostOffsets(report.anomalies))
    const next = await withBackend(directory, async (backend) => (await openQueue<number>(backend, 'a')).append(1))
    expect(next.offset).toBe(RECORDS)
  })

  test('a file of another queue in the place of a segment', async () => {
    const directory = await makeStore()
    copyFileSync((await segmentsOf(directory, 'b'))[0] as string, (await segmentsOf(directory, 'a'))[0] as string)
    const report = await scanAt(directory)
    expect(kindsOf(report.anomalies)).toEqual(['misplaced_segment'])
    expect(report.anomalies[0]?.firstOffset).toBe(0)
    await expectRepaired(directory, lostOffsets(report.anomalies))
  })

  test('an index that was deleted', async () => {
    const directory = await makeStore()
    const [first] = await segmentsOf(directory, 'a')
    truncateSync(first as string, statSync(first as string).size - 64)
    const report = await scanAt(directory)
    expect(kindsOf(report.anomalies)).toEqual(['missing_index'])
    expect(report.lostRecords).toBe(0)
    await expectRepaired(directory, [])
  })

  test('a segment that is gone', async () => {
    const directory = await makeStore()
    rmSync((await segmentsOf(directory, 'a'))[1] as string)
    const report = await scanAt(directory)
    expect(kindsOf(report.anomalies)).toEqual(['missing_segment'])
    await expectRepaired(directory, lostOffsets(report.anomalies))
  })

  test('a manifest that is gone, or cannot be read', async () => {
    for (const damage of [(path: string) => rmSync(path), (path: string) => flip(path, 60)]) {
      const directory = await makeStore()
      const { incarnations } = await withBackend(directory, incarnationsOf)
      const manifest = filesUnder(directory).find((path) => path.includes(incarnations[0] as string) && path.includes('manifest'))
      damage(manifest as string)
      const report = await scanAt(directory)
      expect(kindsOf(report.anomalies)).toEqual(['damaged_manifest'])
      await expectRepaired(directory, [])
    }
  })

  test('a file that is not ours, and the rest of a crash', async () => {
    const directory = await makeStore()
    const [first] = await segmentsOf(directory, 'a')
    const name = first as string
    writeFileSync(join(name, '..', 'notes='), 'not a segment')
    copyFileSync(name, name.replace(/-\d+-[0-9a-f]{16}/, '-7-0123456789abcdef'))
    const report = await scanAt(directory)
    expect(kindsOf(report.anomalies).sort()).toEqual(['orphaned_file', 'unexpected_file'])
    await expectRepaired(directory, [])
  })

  test('a group whose cell cannot be read is named, and its log says where it stood', async () => {
    const directory = await makeStore()
    const { incarnations } = await withBackend(directory, incarnationsOf)
    const cell = filesUnder(directory).find((path) => path.includes(incarnations[0] as string) && path.includes('group+'))
    flip(cell as string, 60)
    const report = await scanAt(directory)
    expect(kindsOf(report.anomalies)).toEqual(['damaged_group'])
    await expectRepaired(directory, [])
    const committed = await withBackend(directory, async (backend) => (await (await openQueue(backend, 'a')).group('g')).committed())
    expect(committed).toEqual([10])
  })

  test('a group whose log lost its middle goes on before it, and says so', async () => {
    const directory = await makeStore()
    const [log = ''] = await groupLogsOf(directory, 'a')
    await withBackend(directory, async (backend) => {
      const group = await (await openQueue<number>(backend, 'a')).group('g')
      for (let n = 10; n < 20; n++) await group.commit(0, n)
    })
    const [, later = ''] = await groupLogsOf(directory, 'a')
    flip(later, 400)
    const report = await scanAt(directory)
    expect(kindsOf(report.anomalies)).toEqual(['corrupted_frame'])
    expect(report.anomalies[0]).toMatchObject({ queue: 'a', bucket: 0, path: expect.stringContaining('/groups/') })
    await expect(groupAt(directory, 'a')).rejects.toMatchObject({ code: 'corrupt' })
    await expectRepaired(directory, [])
    const { committed, told } = await groupAt(directory, 'a')
    expect(committed[0]).toBeGreaterThanOrEqual(10)
    expect(committed[0]).toBeLessThan(19)
    expect(told).toEqual([{ type: 'rewound', group: 'g', bucket: 0, from: 19, to: committed[0] }])
    expect(log).not.toBe(later)
  })

  test('a group whose log is gone is named, and begins again where it once began, and says so', async () => {
    const directory = await makeStore()
    const id = (await groupLogsOf(directory, 'a'))[0]?.match(/.*groups\+\/[0-9a-f+]+/)?.[0] as string
    for (const path of filesUnder(directory).filter((one) => one.includes(basename(id)))) rmSync(path)
    await expect(groupAt(directory, 'a')).rejects.toMatchObject({ code: 'corrupt' })
    expect(kindsOf((await scanAt(directory)).anomalies)).toEqual(['damaged_group'])
    await expectRepaired(directory, [])
    const { committed, told } = await groupAt(directory, 'a')
    expect({ committed, told }).toEqual({ committed: [0], told: [{ type: 'rewound', group: 'g', bucket: 0, from: RECORDS, to: 0 }] })
  })

  test('the log of a group that is no more is removed', async () => {
    const directory = await makeStore()
    const { incarnations } = await withBackend(directory, incarnationsOf)
    const cell = filesUnder(directory).find((path) => path.includes(incarnations[0] as string) && path.includes('group+'))
    rmSync(cell as string)
    expect(kindsOf((await scanAt(directory)).anomalies)).toEqual(['orphaned_file'])
    await expectRepaired(directory, [])
    expect(await groupLogsOf(directory, 'a')).toEqual([])
  })

  test('a torn tail keeps the good records behind it', async () => {
    const directory = await makeStore()
    const last = (await segmentsOf(directory, 'a')).at(-1) as string
    appendFileSync(last, Buffer.alloc(40, 7))
    expect((await scanAt(directory)).healthy).toBe(false)
    await expectRepaired(directory, [])
  })
})

test('a flip of any byte of a small log is found and repaired, or harmless', async () => {
  const directory = await makeStore()
  const files = await segmentsOf(directory, 'a')
  const path = files[0] as string
  const good = readFileSync(path)
  let found = 0
  for (let at = 0; at < good.length; at += 7) {
    flip(path, at)
    const report = await scanAt(directory)
    if (!report.healthy) found++
    writeFileSync(path, good)
  }
  expect(found).toBeGreaterThan(good.length / 7 - 12)
})

describe('a recovery', () => {
  test('in quarantine mode keeps a copy of what it replaces', async () => {
    const directory = await makeStore()
    const [first] = await segmentsOf(directory, 'a')
    flip(first as string, 300)
    const damaged = readFileSync(first as string)
    const copies = new Map<string, Buffer>()
    const quarantine = async (path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> => {
      const parts: Uint8Array[] = []
      for await (const part of bytes) parts.push(part.slice())
      copies.set(path, Buffer.concat(parts))
    }
    await recoverAt(directory, { mode: 'quarantine', quarantine })
    expect([...copies.values()].some((copy) => copy.equals(damaged))).toBe(true)
    expect((await scanAt(directory)).healthy).toBe(true)
  })

  test('that ignores changes nothing', async () => {
    const directory = await makeStore()
    const [first] = await segmentsOf(directory, 'a')
    flip(first as string, 300)
    const { before, after } = await recoverAt(directory, { mode: 'ignore' })
    expect(after).toEqual(before)
    expect((await scanAt(directory)).anomalies).toEqual(before.anomalies)
  })

  test('is refused while a queue is open, without a mode, or without a place for copies', async () => {
    const directory = await makeStore()
    const [first] = await segmentsOf(directory, 'a')
    flip(first as string, 300)
    await withBackend(directory, async (backend) => {
      await expect(recover(backend, { mode: 'mend' as 'repair' })).rejects.toMatchObject({ code: 'invalid' })
      await expect(recover(backend, { mode: 'quarantine' })).rejects.toMatchObject({ code: 'invalid' })
      await openQueue(backend, 'b')
      await expect(recover(backend, { mode: 'repair' })).rejects.toMatchObject({ code: 'conflict' })
    })
  })
})

test('the check on start reports, refuses or repairs, as it is told', async () => {
  const directory = await makeStore()
  flip((await segmentsOf(directory, 'a'))[0] as string, 300)
  await withBackend(directory, async (backend) => {
    expect(await checkOnStart(backend, { check: 'ignore' })).toBeUndefined()
    expect((await checkOnStart(backend, { check: 'scan_only' }))?.healthy).toBe(false)
    const refusal = await checkOnStart(backend, { check: 'fail_on_anomaly' }).catch((error: unknown) => error)
    expect(isStorageError(refusal, 'corrupt')).toBe(true)
    expect((await checkOnStart(backend, { check: 'recover' }))?.healthy).toBe(true)
    expect((await checkOnStart(backend, { check: 'fail_on_anomaly' }))?.healthy).toBe(true)
  })
})
