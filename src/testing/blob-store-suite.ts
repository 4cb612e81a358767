// What every BlobStore must do, gated by its traits.

import { isStorageError } from '../core/base/errors.js'
import type { Backend } from '../core/ports/backend.js'
import type { BlobInfo, BlobStore, BlobTraits, ListOptions, PutOptions } from '../core/ports/blob-store.js'
import { expectBytes, expectEqual, expectRejects, expectTrue, fail } from './assert.js'
import { type BackendSuiteOptions, backendCase, type MakeBackend, type SuiteCase } from './suite.js'

export interface BlobStoreSuiteOptions extends BackendSuiteOptions {
  /** What the backend says of itself; decides which cases apply, and is itself checked. Default: conditional puts, strong reads. */
  readonly traits?: Pick<BlobTraits, 'conditionalPut' | 'consistency'>
}

interface Case {
  readonly name: string
  /** Left out where the trait is missing. */
  readonly needs?: 'conditional' | 'strong'
  readonly lacks?: 'conditional'
  readonly body: (blobs: BlobStore, backend: Backend) => Promise<void>
}

/** Cases for `backend.blobs`. `make` gives an empty place each time. */
export function blobStoreSuite(make: MakeBackend, options: BlobStoreSuiteOptions = {}): readonly SuiteCase[] {
  const traits = options.traits ?? { conditionalPut: true, consistency: 'strong' }
  const cases = [traitsCase(traits), ...READ_AND_WRITE, ...LISTING, ...CONDITIONS, ...BATCHES, ...ENDINGS].filter((one) =>
    applies(one, traits),
  )
  const suite = cases.map((one) => backendCase(`blobs: ${one.name}`, make, (backend) => one.body(backend.blobs, backend)))
  return options.reopen === undefined ? suite : [...suite, ...reopenCases(make, options.reopen)]
}

function applies(one: Case, traits: Pick<BlobTraits, 'conditionalPut' | 'consistency'>): boolean {
  if (one.lacks === 'conditional') return !traits.conditionalPut
  if (one.needs === 'conditional') return traits.conditionalPut && traits.consistency === 'strong'
  return one.needs !== 'strong' || traits.consistency === 'strong'
}

function traitsCase(traits: Pick<BlobTraits, 'conditionalPut' | 'consistency'>): Case {
  return {
    name: 'the traits are what the suite was told',
    async body(blobs) {
      expectEqual(blobs.traits.conditionalPut, traits.conditionalPut, 'conditionalPut')
      expectEqual(blobs.traits.consistency, traits.consistency, 'consistency')
      expectTrue(blobs.traits.maxBlobBytes >= 1024 * 1024, 'room for a blob of 1 MiB')
      expectTrue(blobs.traits.maxKeyBytes >= 256, 'room for a key of 256 bytes')
    },
  }
}

const READ_AND_WRITE: readonly Case[] = [
  {
    name: 'what was never put is undefined',
    async body(blobs) {
      expectEqual(await blobs.get('never'), undefined)
    },
  },
  {
    name: 'a put is read back with its size and version',
    async body(blobs) {
      const info = await blobs.put('a/b', bytesOf(10))
      expectEqual(info.key, 'a/b')
      expectEqual(info.bytes, 10)
      const blob = await blobs.get('a/b')
      expectBytes(blob?.data, bytesOf(10))
      expectEqual(pick(blob), pick(info))
    },
  },
  {
    name: 'a later put replaces the bytes, also by shorter ones',
    needs: 'strong',
    async body(blobs) {
      await blobs.put('a', bytesOf(5000))
      await blobs.put('a', bytesOf(3, 7))
      expectBytes((await blobs.get('a'))?.data, bytesOf(3, 7))
    },
  },
  {
    name: 'the version differs after every put, also of equal bytes',
    needs: 'conditional',
    async body(blobs) {
      const versions = new Set<string>()
      for (let i = 0; i < 12; i++) versions.add((await blobs.put('a', bytesOf(4, i % 2))).version)
      expectEqual(versions.size, 12, 'the number of versions')
    },
  },
  {
    name: 'an empty blob is there',
    async body(blobs) {
      await blobs.put('empty', new Uint8Array(0))
      const blob = await blobs.get('empty')
      expectEqual(blob?.bytes, 0)
      expectBytes(blob?.data, new Uint8Array(0))
    },
  },
  {
    name: 'a blob of 1 MiB comes back whole',
    async body(blobs) {
      const big = bytesOf(1024 * 1024, 3)
      await blobs.put('big', big)
      expectBytes((await blobs.get('big'))?.data, big)
    },
  },
  {
    name: 'ranges: inside, to the end, past the end, empty',
    async body(blobs) {
      await blobs.put('r', bytesOf(100))
      for (const [start, end] of [
        [0, 10],
        [10, 20],
        [90, 100],
        [90, 1000],
        [100, 200],
        [500, 600],
        [7, 7],
      ] as const) {
        const blob = await blobs.get('r', { range: { start, end } })
        expectBytes(blob?.data, bytesOf(100).slice(start, end), `range ${start}-${end}`)
        expectEqual(blob?.bytes, 100, `the size with range ${start}-${end}`)
      }
      expectEqual(await blobs.get('never', { range: { start: 0, end: 5 } }), undefined)
    },
  },
  {
    name: 'a range of an empty blob is empty',
    async body(blobs) {
      await blobs.put('empty', new Uint8Array(0))
      expectBytes((await blobs.get('empty', { range: { start: 0, end: 10 } }))?.data, new Uint8Array(0))
    },
  },
  {
    name: 'bytes handed in may be changed once the put settled, and may be part of a larger buffer',
    async body(blobs) {
      const buffer = bytesOf(64)
      await blobs.put('view', buffer.subarray(16, 32))
      buffer.fill(255)
      expectBytes((await blobs.get('view'))?.data, bytesOf(64).slice(16, 32))
    },
  },
  {
    name: 'bytes handed out may be changed',
    async body(blobs) {
      await blobs.put('a', bytesOf(8))
      const first = await blobs.get('a')
      first?.data.fill(255)
      const part = await blobs.get('a', { range: { start: 0, end: 4 } })
      part?.data.fill(255)
      expectBytes((await blobs.get('a'))?.data, bytesOf(8))
    },
  },
  {
    name: 'deleting is idempotent and takes many keys',
    needs: 'strong',
    async body(blobs) {
      await putAll(blobs, ['a', 'b/c', 'd'])
      await blobs.delete(['a', 'b/c', 'never'])
      await blobs.delete(['a', 'b/c'])
      await blobs.delete([])
      expectEqual(await blobs.get('a'), undefined)
      expectEqual(await keysOf(blobs), ['d'])
    },
  },
  {
    name: 'a deleted key can be put again',
    needs: 'strong',
    async body(blobs) {
      await blobs.put('x/a', bytesOf(1))
      await blobs.delete(['x/a'])
      await blobs.put('x/a', bytesOf(2))
      expectBytes((await blobs.get('x/a'))?.data, bytesOf(2))
    },
  },
  {
    name: 'every character of the key alphabet, keys within keys, and long components',
    async body(blobs) {
      const keys = strangeKeys(blobs.traits.maxKeyBytes)
      await putAll(blobs, keys)
      for (const [i, key] of keys.entries()) expectBytes((await blobs.get(key))?.data, bytesOf(4, i), `the bytes of ${key.slice(0, 60)}`)
      expectEqual(await keysOf(blobs), [...keys].sort(), 'the listing')
    },
  },
  {
    name: 'both durabilities are accepted',
    async body(blobs) {
      await blobs.put('strict', bytesOf(3), { durability: 'strict' })
      await blobs.put('relaxed', bytesOf(3), { durability: 'relaxed' })
      expectEqual(await keysOf(blobs), ['relaxed', 'strict'])
    },
  },
  {
    name: 'a reader sees old or new bytes, never a mixture',
    needs: 'strong',
    async body(blobs) {
      await blobs.put('a', new Uint8Array(200_000).fill(1), { durability: 'relaxed' })
      const writing = (async () => {
        for (let i = 2; i < 20; i++) await blobs.put('a', new Uint8Array(100_000 + 9000 * i).fill(i), { durability: 'relaxed' })
      })()
      for (let i = 0; i < 20; i++) expectUniform((await blobs.get('a'))?.data)
      await writing
      expectUniform((await blobs.get('a'))?.data)
    },
  },
]

const LISTING: readonly Case[] = [
  {
    name: 'an empty store lists nothing',
    async body(blobs) {
      expectEqual(await keysOf(blobs), [])
    },
  },
  {
    name: 'a listing is ascending by bytes, with sizes and versions as puts gave them',
    async body(blobs) {
      const keys = ['b', 'a', 'a/b', 'a-', 'a.', 'a0', 'a/', 'a_', 'a~', 'aa', 'a/b/c', 'a/b-', '0', 'z']
      const infos = await putAll(blobs, keys)
      const listed = await listOf(blobs)
      expectEqual(
        listed.map((info) => info.key),
        [...keys].sort(),
      )
      expectEqual(listed.map(pick), [...infos].sort((x, y) => (x.key < y.key ? -1 : 1)).map(pick))
    },
  },
  {
    name: 'prefix and after, alone and together',
    async body(blobs) {
      const keys = ['a', 'a/1', 'a/2', 'a/2/x', 'a/3', 'a0', 'b/1']
      await putAll(blobs, keys)
      for (const prefix of ['', 'a', 'a/', 'a/2', 'b', 'c', 'a/2/x', 'a/2/x/']) {
        for (const after of [undefined, '', 'a', 'a/2', 'a/2/', 'a/2/x', 'a/9', 'b', 'zz']) {
          const expected = keys.filter((key) => key.startsWith(prefix) && (after === undefined || key > after))
          expectEqual(await keysOf(blobs, { prefix, after }), expected, `prefix "${prefix}" after "${after}"`)
        }
      }
    },
  },
  {
    name: 'more than a thousand keys are all listed, once and in order',
    async body(blobs) {
      const keys = Array.from({ length: 1203 }, (_, i) => `many/${String(i).padStart(5, '0')}`)
      await putAll(blobs, keys)
      expectEqual(await keysOf(blobs, { prefix: 'many/' }), keys)
      expectEqual(await keysOf(blobs, { prefix: 'many/', after: keys[1100] }), keys.slice(1101))
    },
  },
  {
    name: 'a listing may be left early, and keys may be put and deleted while it runs',
    needs: 'strong',
    async body(blobs) {
      await putAll(blobs, ['a', 'b', 'c', 'd'])
      const seen: string[] = []
      for await (const { key } of blobs.list()) {
        seen.push(key)
        if (key === 'a') await blobs.delete(['c'])
        if (key === 'b') await blobs.put('a0', bytesOf(1))
        if (key === 'd') break
      }
      expectEqual(
        seen.filter((key) => key !== 'c'),
        ['a', 'b', 'd'],
      )
    },
  },
]

const CONDITIONS: readonly Case[] = [
  {
    name: 'when absent: the first put is made, the second is a conflict and changes nothing',
    needs: 'conditional',
    async body(blobs) {
      await blobs.put('a', bytesOf(1), { when: 'absent' })
      await expectRejects(blobs.put('a', bytesOf(2), { when: 'absent' }), 'conflict')
      expectBytes((await blobs.get('a'))?.data, bytesOf(1))
      await blobs.delete(['a'])
      await blobs.put('a', bytesOf(3), { when: 'absent' })
    },
  },
  {
    name: 'when version: the current one is replaced, an old one or a missing blob is a conflict',
    needs: 'conditional',
    async body(blobs) {
      const first = await blobs.put('a', bytesOf(1))
      const second = await blobs.put('a', bytesOf(2), { when: { version: first.version } })
      await expectRejects(blobs.put('a', bytesOf(3), { when: { version: first.version } }), 'conflict')
      expectBytes((await blobs.get('a'))?.data, bytesOf(2))
      expectEqual((await blobs.get('a'))?.version, second.version)
      await expectRejects(blobs.put('never', bytesOf(3), { when: { version: first.version } }), 'conflict')
      await blobs.delete(['a'])
      await expectRejects(blobs.put('a', bytesOf(3), { when: { version: second.version } }), 'conflict')
    },
  },
  {
    name: 'the version of a listing and of a get serve as conditions',
    needs: 'conditional',
    async body(blobs) {
      await blobs.put('a', bytesOf(1))
      const [listed] = await listOf(blobs)
      await blobs.put('a', bytesOf(2), { when: { version: listed?.version as string } })
      const read = await blobs.get('a', { range: { start: 0, end: 1 } })
      await blobs.put('a', bytesOf(3), { when: { version: read?.version as string } })
      expectBytes((await blobs.get('a'))?.data, bytesOf(3))
    },
  },
  {
    name: 'of 20 at once that want the key absent exactly one wins, and its bytes stay',
    needs: 'conditional',
    async body(blobs) {
      for (let round = 0; round < 3; round++) await expectOneWinner(blobs, `absent/${round}`, 'absent')
    },
  },
  {
    name: 'of 20 at once that want the same version exactly one wins, and its bytes stay',
    needs: 'conditional',
    async body(blobs) {
      for (let round = 0; round < 3; round++) {
        const { version } = await blobs.put(`version/${round}`, bytesOf(1))
        await expectOneWinner(blobs, `version/${round}`, { version })
      }
    },
  },
  {
    name: 'a counter under compare-and-set loses no step',
    needs: 'conditional',
    async body(blobs) {
      await blobs.put('count', Uint8Array.of(0), { durability: 'relaxed' })
      await Promise.all(Array.from({ length: 8 }, () => countUp(blobs, 'count', 5)))
      expectEqual((await blobs.get('count'))?.data[0], 40)
    },
  },
  {
    name: 'a condition is refused as unsupported, never ignored',
    lacks: 'conditional',
    async body(blobs) {
      await expectRejects(blobs.put('a', bytesOf(1), { when: 'absent' }), 'unsupported')
      await expectRejects(blobs.put('a', bytesOf(1), { when: { version: '1' } }), 'unsupported')
      expectEqual(await blobs.get('a'), undefined)
    },
  },
]

const BATCHES: readonly Case[] = [
  {
    name: 'a batch, where there is one, is made whole',
    needs: 'strong',
    async body(blobs) {
      if (blobs.batch === undefined) return
      const kept = await blobs.put('kept', bytesOf(1))
      await blobs.put('gone', bytesOf(2))
      await blobs.batch([
        { key: 'kept', check: { version: kept.version } },
        { key: 'new', put: bytesOf(3), when: 'absent' },
        { key: 'gone', delete: true },
      ])
      await blobs.batch([])
      expectEqual(await keysOf(blobs), ['kept', 'new'])
    },
  },
  {
    name: 'a batch with one failed condition changes nothing',
    needs: 'strong',
    async body(blobs) {
      const { batch } = blobs
      if (batch === undefined) return
      await blobs.put('there', bytesOf(1))
      for (const failing of [
        { key: 'there', check: 'absent' },
        { key: 'there', put: bytesOf(9), when: 'absent' },
        { key: 'there', delete: true, when: { version: 'never' } },
        { key: 'missing', check: { version: 'never' } },
      ] as const) {
        await expectRejects(
          () => batch.call(blobs, [{ key: 'new', put: bytesOf(3) }, { key: 'there', put: bytesOf(4) }, failing]),
          'conflict',
        )
        await expectRejects(() => batch.call(blobs, [failing, { key: 'new', put: bytesOf(3) }]), 'conflict')
      }
      expectEqual(await keysOf(blobs), ['there'])
      expectBytes((await blobs.get('there'))?.data, bytesOf(1))
    },
  },
]

const ENDINGS: readonly Case[] = [
  {
    name: 'a signal that is aborted already rejects with its reason and nothing is done',
    async body(blobs) {
      const reason = new Error('stop')
      const signal = AbortSignal.abort(reason)
      for (const call of callsWith(blobs, { signal })) {
        const error = await expectRejects(call.run, undefined, call.name)
        if ((error as unknown) !== reason) fail(`${call.name} rejected with ${String(error)} instead of the signal's reason`)
      }
      expectEqual(await keysOf(blobs), [])
    },
  },
  {
    name: 'after close every call is closed, and closing twice is harmless',
    async body(blobs, backend) {
      await blobs.put('a', bytesOf(1))
      await backend.close()
      await backend.close()
      for (const call of callsWith(blobs, {})) await expectRejects(call.run, 'closed', call.name)
    },
  },
  {
    name: 'health names the backend and its durability',
    async body(blobs, backend) {
      const health = await backend.health()
      expectEqual(health.backend, backend.name)
      expectTrue(['memory', 'os', 'disk', 'remote'].includes(health.durability), 'the durability is known')
      expectTrue(['memory', 'os', 'disk', 'remote'].includes(blobs.traits.durable), 'the trait is known')
      expectTrue(health.location !== '' && health.chosen !== '', 'location and reason are said')
    },
  },
]

function reopenCases(make: MakeBackend, reopen: (backend: Backend) => Promise<Backend>): readonly SuiteCase[] {
  return [
    backendCase('blobs: what was put is there after closing and opening again', make, async (backend) => {
      const infos = await putAll(backend.blobs, ['a/b', 'c'])
      await backend.close()
      const again = await reopen(backend)
      try {
        expectEqual((await listOf(again.blobs)).map(pick), infos.map(pick))
        expectBytes((await again.blobs.get('c'))?.data, bytesOf(4, 1))
        if (again.blobs.traits.conditionalPut) await again.blobs.put('c', bytesOf(9), { when: { version: infos[1]?.version as string } })
      } finally {
        await again.close()
      }
    }),
  ]
}

/** Deterministic bytes that differ by length and salt. */
function bytesOf(length: number, salt = 0): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + length + salt * 17 + (i >> 8)) & 255
  return bytes
}

function pick(info: BlobInfo | undefined): { key: string; bytes: number; version: string } | undefined {
  return info === undefined ? undefined : { key: info.key, bytes: info.bytes, version: info.version }
}

async function listOf(blobs: BlobStore, options?: ListOptions): Promise<BlobInfo[]> {
  const all: BlobInfo[] = []
  for await (const info of blobs.list(options)) all.push(info)
  return all
}

async function keysOf(blobs: BlobStore, options?: ListOptions): Promise<string[]> {
  return (await listOf(blobs, options)).map((info) => info.key)
}

/** The i-th key holds `bytesOf(4, i)`. A few at a time, so that large listings do not take long to prepare. */
async function putAll(blobs: BlobStore, keys: readonly string[]): Promise<BlobInfo[]> {
  const infos: BlobInfo[] = []
  for (let from = 0; from < keys.length; from += 40) {
    const some = keys.slice(from, from + 40)
    infos.push(...(await Promise.all(some.map((key, i) => blobs.put(key, bytesOf(4, from + i), { durability: 'relaxed' })))))
  }
  return infos
}

function strangeKeys(maxKeyBytes: number): readonly string[] {
  const longest = Math.min(765, maxKeyBytes - 20)
  const lengths = [199, 200, 201, 255, 256, 400, 401, 600, 765].filter((length) => length <= longest)
  const long = lengths.flatMap((length) => {
    const component = 'k'.repeat(length)
    return [component, `${component}/x`, `${component}-`.slice(0, longest), `p/${component}`]
  })
  const plain = [
    '0123456789',
    'abcdefghijklmnopqrstuvwxyz',
    'a-b_c~d.e',
    'a',
    'a/b',
    'a/b/c',
    '-',
    '_',
    '~',
    'con',
    'nul.txt',
    'x.',
    'x..y',
  ]
  return [...new Set([...plain, ...long])]
}

function expectUniform(bytes: Uint8Array | undefined): void {
  const first = bytes?.[0]
  expectTrue(bytes !== undefined && bytes.every((byte) => byte === first), 'all bytes are of one put')
}

async function expectOneWinner(blobs: BlobStore, key: string, when: PutOptions['when']): Promise<void> {
  const results = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => blobs.put(key, bytesOf(64, i + 1), { when })))
  const winners = results.flatMap((result, i) => (result.status === 'fulfilled' ? [i] : []))
  expectEqual(winners.length, 1, 'the number of winners')
  for (const result of results) {
    if (result.status === 'rejected' && !isStorageError(result.reason, 'conflict'))
      fail(`a loser got ${String(result.reason)}`, result.reason)
  }
  expectBytes((await blobs.get(key))?.data, bytesOf(64, (winners[0] as number) + 1))
}

async function countUp(blobs: BlobStore, key: string, times: number): Promise<void> {
  let tries = 0
  for (let done = 0; done < times; ) {
    if (++tries > 2000) fail('compare-and-set never succeeded')
    const blob = await blobs.get(key)
    if (blob === undefined) fail('the counter is gone')
    try {
      await blobs.put(key, Uint8Array.of((blob.data[0] as number) + 1), { when: { version: blob.version }, durability: 'relaxed' })
      done++
    } catch (error) {
      if (!isStorageError(error, 'conflict')) throw error
    }
  }
}

function callsWith(blobs: BlobStore, options: { readonly signal?: AbortSignal }): readonly { name: string; run: () => Promise<unknown> }[] {
  const calls = [
    { name: 'get', run: () => blobs.get('a', options) as Promise<unknown> },
    { name: 'put', run: () => blobs.put('a', bytesOf(1), options) as Promise<unknown> },
    { name: 'delete', run: () => blobs.delete(['a'], options) as Promise<unknown> },
    { name: 'list', run: () => keysOf(blobs, options) as Promise<unknown> },
  ]
  const { batch } = blobs
  if (batch !== undefined) calls.push({ name: 'batch', run: () => batch.call(blobs, [{ key: 'a', put: bytesOf(1) }], options) })
  return calls
}
