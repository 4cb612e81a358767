import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openQueue, openStore, recover, scan } from 'varve'
import { memory } from 'varve/adapters/memory'
import { nodeFs } from 'varve/adapters/node-fs'
import { afterAll, describe, expect, test } from 'vitest'
import { fromBase64, toBase64 } from '../../../dist/core/codec/base64.js'
import { crc32c } from '../../../dist/core/codec/crc32c.js'
import { readRecordLine, recordFields } from '../../../dist/core/codec/record-line.js'
import { utf8 } from '../../../dist/core/base/bytes.js'

const root = mkdtempSync(join(tmpdir(), 'varve-ndjson-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let made = 0

const VALUES = [{ a: 1, text: 'é☃\n"quoted"' }, 'plain', 17.5, null, [true, { deep: [] }]]

async function write(options: { readonly segmentBytes?: number } = {}): Promise<string> {
  const directory = join(root, String(made++))
  const store = await openStore(nodeFs({ directory }))
  const queue = await openQueue(store, 'q', { format: 'ndjson', ...options })
  await queue.append(VALUES[0], { key: 'first', headers: { by: 'cron' } })
  await queue.appendMany(VALUES.slice(1))
  await queue.append(new Uint8Array([1, 2, 3]))
  await queue.tombstone('first')
  await store.close()
  return directory
}

function segmentsIn(directory: string): string[] {
  return readdirSync(join(directory, 'files'), { recursive: true })
    .map((name) => join(directory, 'files', String(name)))
    .filter((path) => statSync(path).isFile())
    .sort()
}

type Line = Readonly<Record<string, unknown>>

const linesOf = (path: string): Line[] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)

async function reread<T>(directory: string, use: (backend: ReturnType<typeof nodeFs>) => Promise<T>): Promise<T> {
  const backend = nodeFs({ directory })
  try {
    return await use(backend)
  } finally {
    await backend.close()
  }
}

describe('a queue of text', () => {
  test('is lines of JSON, each of which every tool can read, values as themselves', async () => {
    const directory = await write()
    const [path] = segmentsIn(directory) as [string]
    const lines = linesOf(path)
    const records = lines.filter((line) => 'offset' in line)
    expect(records.map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect(records.slice(0, 5).map(({ value }) => value)).toEqual(VALUES)
    expect(records[0]).toMatchObject({ key: 'first', headers: { by: 'cron' } })
    expect(records[5]).toMatchObject({ codec: 0, base64: 'AQID' })
    expect(records[6]).toMatchObject({ key: 'first', tombstone: true })
    expect(records.map(({ batch, of }) => [batch, of])).toEqual([
      [0, 1],
      [3, 4],
      [2, 4],
      [1, 4],
      [0, 4],
      [0, 1],
      [0, 1],
    ])
  })

  test('answers to head and grep', async () => {
    const [path] = segmentsIn(await write()) as [string]
    const header = JSON.parse(execFileSync('head', ['-1', path], { encoding: 'utf8' })) as Line
    expect(header).toMatchObject({ varve: 'segment', format: 1, base: 0 })
    const found = execFileSync('grep', ['"value":"plain"', path], { encoding: 'utf8' })
    expect(JSON.parse(found)).toMatchObject({ offset: 1, value: 'plain' })
  })

  test('has a chain of checksums that anybody can follow', async () => {
    const [path] = segmentsIn(await write()) as [string]
    const texts = readFileSync(path, 'utf8').trimEnd().split('\n').slice(0, -1)
    const { salt } = JSON.parse(texts[0] as string) as { readonly salt: string }
    let prev = (JSON.parse(texts[0] as string) as Line).crc
    for (const text of texts.slice(1)) {
      const line = JSON.parse(text) as Line
      expect(line.prev).toBe(prev)
      const crc = crc32c(utf8(text.slice(0, text.lastIndexOf(',"crc":'))), 0, undefined, crc32c(Buffer.from(salt, 'hex')))
      expect(line.crc).toBe(crc.toString(16).padStart(8, '0'))
      prev = line.crc
    }
  })

  test('a line that somebody edited is named with what it held, and a repair keeps the rest', async () => {
    const directory = await write()
    const [path] = segmentsIn(directory) as [string]
    writeFileSync(path, readFileSync(path, 'utf8').replace('"plain"', '"plaim"'))
    const { anomalies } = await reread(directory, (backend) => scan(backend))
    expect(anomalies).toMatchObject([{ kind: 'corrupted_line', firstOffset: 1, lastOffset: 4 }])
    const { after } = await reread(directory, (backend) => recover(backend, { mode: 'repair' }))
    expect(after.healthy).toBe(true)
    const offsets = await reread(directory, async (backend) => (await (await openQueue(backend, 'q')).read()).map(({ offset }) => offset))
    expect(offsets).toEqual([0, 5, 6])
  })

  test('stays the format that it was created with', async () => {
    const directory = await write()
    await reread(directory, async (backend) => {
      await expect(openQueue(backend, 'q', { format: 'binary' })).rejects.toMatchObject({ code: 'invalid' })
      await expect(openQueue(backend, 'q', { compression: 'gzip' })).rejects.toMatchObject({ code: 'invalid' })
      await expect(openQueue(backend, 'q', { format: 'xml' as 'ndjson' })).rejects.toMatchObject({ code: 'invalid' })
      await openQueue(backend, 'b')
      await expect(openQueue(backend, 'b', { format: 'ndjson' })).rejects.toMatchObject({ code: 'invalid' })
    })
  })

  test('needs files, and says what to do without', async () => {
    const refused = expect(openQueue(memory(), 'q', { format: 'ndjson' })).rejects
    await refused.toMatchObject({ code: 'unsupported', message: expect.stringContaining('copyQueue') })
  })

  test('with the same key again is compacted, its offsets as they were', async () => {
    const directory = join(root, String(made++))
    await reread(directory, async (backend) => {
      const queue = await openQueue<number>(backend, 'q', { format: 'ndjson', compaction: 'key', segmentBytes: 2000 })
      for (let n = 0; n < 30; n++) await queue.append(n, { key: `k${n % 3}` })
      await queue.appendRecords(['a', 'b', 'a'].map((key, index) => ({ key, value: 100 + index })))
      await queue.compact()
    })
    await reread(directory, async (backend) => {
      const queue = await openQueue<number>(backend, 'q')
      expect((await queue.read()).map(({ offset, value }) => [offset, value])).toEqual([
        [27, 27],
        [28, 28],
        [29, 29],
        [31, 101],
        [32, 102],
      ])
    })
    const { healthy, anomalies } = await reread(directory, (backend) => scan(backend))
    expect(anomalies).toEqual([])
    expect(healthy).toBe(true)
  })
})

describe('a record as a line', () => {
  const none = { headers: [], schema: undefined }
  const cases = [
    { what: 'JSON that would read back otherwise', record: { codec: 1, value: '1.0' } },
    { what: 'JSON with spaces', record: { codec: 1, value: '{ "a": 1 }' } },
    { what: 'no JSON', record: { codec: 1, value: 'broken {' } },
    { what: 'other bytes', record: { codec: 7, value: new Uint8Array([0, 255, 10, 13]) } },
    { what: 'nothing', record: { codec: 0, value: new Uint8Array(0) } },
    { what: 'a tombstone of a codec', record: { codec: 2, value: undefined } },
    { what: 'a key that is no text', record: { codec: 1, value: '1', key: new Uint8Array([0xff, 0]) } },
    { what: 'an empty key', record: { codec: 1, value: '1', key: '' } },
    {
      what: 'headers of one name',
      record: {
        codec: 1,
        value: '1',
        headers: [
          ['a', 'x'],
          ['a', 'y'],
        ],
      },
    },
    {
      what: 'headers that are numbers',
      record: {
        codec: 1,
        value: '1',
        headers: [
          ['b', 'x'],
          ['1', 'y'],
        ],
      },
    },
    {
      what: 'headers with odd names',
      record: {
        codec: 1,
        value: '1',
        headers: [
          ['__proto__', 'x'],
          ['value', '\n'],
        ],
      },
    },
    { what: 'headers of bytes', record: { codec: 1, value: '1', headers: [['a', new Uint8Array([255])]] } },
    { what: 'a schema', record: { codec: 1, value: '"text"', schema: 3 } },
  ] as const

  test.each(cases)('comes back byte for byte: $what', ({ record }) => {
    const bytes = (data: unknown) => (typeof data === 'string' ? utf8(data) : data)
    const headers = ('headers' in record ? record.headers : []).map(([name, value]) => [name, bytes(value)])
    const expected = { ...none, key: undefined, ...record, headers, offset: 5, timestamp: 9 }
    const line = `${recordFields(record, 5, 9)}}`
    expect(line).not.toContain('\n')
    expect(readRecordLine(utf8(line))).toEqual({
      ...expected,
      value: bytes(record.value),
      key: 'key' in record ? bytes(record.key) : undefined,
    })
  })

  test('that holds no record is corrupt', () => {
    for (const text of ['', '{', 'null', '{"offset":1,"codec":0,"base64":"="}']) {
      expect(() => readRecordLine(utf8(text))).toThrow(expect.objectContaining({ code: 'corrupt' }))
    }
  })
})

test('base64 is the common one, both ways', () => {
  for (const length of [0, 1, 2, 3, 4, 100, 12_289]) {
    const bytes = Uint8Array.from({ length }, (_, at) => (at * 37) % 256)
    expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'))
    expect(fromBase64(toBase64(bytes))).toEqual(bytes)
  }
  for (const text of ['A', 'AA=A', 'AAA*', '====']) expect(() => fromBase64(text)).toThrow(RangeError)
})
