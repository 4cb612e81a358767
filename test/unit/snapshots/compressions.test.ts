import { expect, test } from 'vitest'
import { type Compression, type CompressionOption, openSnapshots } from 'varve'
import { memory } from 'varve/adapters/memory'
import { brotli } from 'varve/compression/brotli'
import { lz4 } from 'varve/compression/lz4'

const state = { lines: Array.from({ length: 2000 }, (_, n) => `line ${n} of a text that shrinks`) }
const place = { agent: 'a', session: 's' }
const own: Compression = { ...lz4, name: 'zstd', id: 4 }

const options: CompressionOption[] = [
  'gzip',
  'deflate',
  'brotli',
  'lz4',
  { name: 'gzip', level: 9 },
  { name: 'brotli', level: 5 },
  brotli,
  lz4,
]

test.each(options)('%o is recorded, and found again without being named', async (compression) => {
  const backend = memory()
  const info = await (await openSnapshots(backend, { compression })).save({ ...place, state })
  expect(info.compression).toBe(typeof compression === 'string' ? compression : compression.name)
  expect(info.storedBytes).toBeLessThan(info.bytes / 2)
  const reader = await openSnapshots(backend, { compression: 'none' })
  expect(await reader.load(place)).toStrictEqual(state)
  expect((await reader.verify()).problems).toEqual([])
})

test('a higher level takes less', async () => {
  const stored = async (level: number): Promise<number> => {
    const snapshots = await openSnapshots(memory(), { compression: { name: 'gzip', level } })
    return (await snapshots.save({ ...place, state })).storedBytes
  }
  expect(await stored(9)).toBeLessThan(await stored(1))
})

test('what was written by a module is read where it is passed, and unsupported elsewhere, naming what to import', async () => {
  const backend = memory()
  await (await openSnapshots(backend, { compression: own })).save({ ...place, state })
  const reader = await openSnapshots(backend, { compression: 'gzip', compressions: [own] })
  expect(await reader.load(place)).toStrictEqual(state)
  const other = await openSnapshots(backend)
  const error = await other.load(place).catch((caught: unknown) => caught)
  expect(error).toMatchObject(
    process.getBuiltinModule('node:zlib').zstdCompressSync === undefined
      ? { code: 'unsupported', message: expect.stringContaining('varve/compression/zstd') }
      : { code: 'corrupt' },
  )
})

test('a module may give the same memory at every call', async () => {
  const room = new Uint8Array(2 ** 20)
  const lend = (bytes: Uint8Array): Uint8Array => {
    room.fill(0).set(bytes)
    return room.subarray(0, bytes.length)
  }
  const thrifty: Compression = {
    ...lz4,
    compress: async (bytes) => lend(await lz4.compress(bytes)),
    decompress: (bytes, plainLength) => lend(lz4.decompress(bytes, plainLength) as Uint8Array),
  }
  const long = { items: Array.from({ length: 3_000 }, (_, n) => ({ n, text: `some text of item ${n} `.repeat(1 + (n % 20)) })) }
  const backend = memory()
  await (await openSnapshots(backend, { compression: thrifty })).save({ ...place, state: long })
  expect(await (await openSnapshots(backend)).load(place)).toStrictEqual(long)
  expect(await (await openSnapshots(backend, { compressions: [thrifty] })).load(place)).toStrictEqual(long)
})

test('an option that cannot be is refused when snapshots are opened', async () => {
  for (const compression of ['best', { name: 'gzip', level: 10 }, { name: 'none', level: 1 }, { ...lz4, id: 7 }, null, 5]) {
    await expect(openSnapshots(memory(), { compression: compression as 'gzip' })).rejects.toMatchObject({ code: 'invalid' })
  }
})
