// Saving snapshots: one, many, from states and from streams.

import { openSnapshots } from '../core/features/snapshots/open-snapshots.js'
import type { SaveItem } from '../core/features/snapshots/save-types.js'
import type { Snapshots } from '../core/features/snapshots/snapshots.js'
import type { SnapshotInfo } from '../core/features/snapshots/types.js'
import type { Backend } from '../core/ports/backend.js'
import { expectBytes, expectEqual, expectRejects, expectTrue } from './assert.js'
import { storedKeys } from './damage.js'
import { collect, NO_ID, noise, type OnSnapshots, S1, storedBytes, storeWithClock } from './snapshots-scene.js'
import type { SuiteCase } from './suite.js'

export function snapshotsSaveSuite(on: OnSnapshots): readonly SuiteCase[] {
  return [
    on('what was saved is loaded, by id and as the newest', savesAndLoads),
    on('the info tells all, and truthfully', tellsAll),
    on('the state is taken as it is at the call', async (backend) => {
      const snapshots = await openSnapshots<{ list: number[] } | Uint8Array>(backend)
      const state = { list: [1] }
      const bytes = Uint8Array.of(1, 2)
      const saves = [snapshots.save({ ...S1, state }), snapshots.save({ ...S1, state: bytes })]
      state.list.push(2)
      bytes.fill(9)
      const [first, second] = await Promise.all(saves)
      expectEqual(await snapshots.load((first as SnapshotInfo).id), { list: [1] })
      expectEqual(await snapshots.load((second as SnapshotInfo).id), Uint8Array.of(1, 2))
    }),
    on('the structured codec keeps what JSON refuses', async (backend) => {
      const state = { when: new Date(3), seen: new Map([[1n, new Set([undefined])]]) }
      const json = await openSnapshots(backend)
      const error = await expectRejects(json.save({ ...S1, state }), 'invalid')
      expectTrue(error.message.includes('$.when'), 'the path')
      const { id } = await (await openSnapshots(backend, { codec: 'structured' })).save({ ...S1, state })
      expectEqual(await json.load(id), state)
    }),
    on('every compression comes back equal', async (backend) => {
      for (const compression of ['none', 'gzip', 'deflate'] as const) {
        const state = { text: `${compression} again and again `.repeat(2_000) }
        const snapshots = await openSnapshots(backend, { compression })
        const info = await snapshots.save({ ...S1, state })
        expectEqual(info.compression, compression)
        expectTrue(compression === 'none' ? info.storedBytes > info.bytes : info.storedBytes < info.bytes / 4, 'the size stored')
        expectEqual(await snapshots.load(info.id), state)
      }
      await expectRejects(() => openSnapshots(backend, { compression: 'best' as 'gzip' }), 'invalid')
    }),
    on('what is not there is missing', async (backend) => {
      const snapshots = await openSnapshots(backend)
      await expectRejects(snapshots.load(S1), 'missing')
      await expectRejects(snapshots.load(NO_ID), 'missing')
      await expectRejects(snapshots.load('../manifests'), 'missing')
      await expectRejects(snapshots.info(NO_ID), 'missing')
      expectEqual(await snapshots.latest(S1), undefined)
      expectEqual(await collect(snapshots.list()), [])
      await expectRejects(snapshots.save({ ...S1, state: 1, parent: NO_ID }), 'missing')
      expectEqual(await snapshots.verify(), { ok: true, checked: 0, problems: [] })
      expectEqual((await snapshots.verify(NO_ID)).problems[0]?.code, 'missing')
    }),
    on('names are checked, and difficult ones are distinct', async (backend) => {
      const snapshots = await openSnapshots(backend)
      for (const name of ['', 'a\0b', '\udc00', 'x'.repeat(256)]) {
        await expectRejects(snapshots.save({ agent: name, session: 's', state: 1 }), 'invalid')
        await expectRejects(snapshots.save({ agent: 'a', session: name, state: 1 }), 'invalid')
        await expectRejects(snapshots.save({ ...S1, branch: name, state: 1 }), 'invalid')
        await expectRejects(snapshots.load({ agent: name, session: 's' }), 'invalid')
      }
      const names = ['..', '/', 'con', 'CON', 'a/b', 'ключ', '__proto__']
      for (const name of names) await snapshots.save({ agent: name, session: name, branch: name, state: name })
      for (const name of names) expectEqual(await snapshots.load({ agent: name, session: name, branch: name }), name)
      expectEqual((await collect(snapshots.list())).length, names.length)
    }),
    on('an index rises by one in its session, also with many writers at once', manyWriters),
    on('equal states share what they are made of, also of other agents', sharesContent),
    on('a small change of a large state stores little', storesChanges),
    on('equal programs give equal hashes, whatever the backend', equalHashes),
    on('states larger than a blob are cut into parts', largeStates),
    on('a stream is saved and comes back, as bytes and as a stream', streams),
    on('a stream that fails saves nothing', failingStream),
    on('reading back before publishing, with progress', verifiedSave),
    on('many small states are saved at once, in order', savesMany),
    on('many states of many sessions; when one fails the error carries what was saved', savesManySessions),
    on('after close every call is closed', async (backend) => {
      const snapshots = await openSnapshots(backend)
      const { id } = await snapshots.save({ ...S1, state: 1 })
      await snapshots.close()
      await snapshots.close()
      await expectRejects(snapshots.load(id), 'closed')
      await expectRejects(snapshots.save({ ...S1, state: 1 }), 'closed')
      await expectRejects(snapshots.verify(), 'closed')
      await expectRejects(() => collect(snapshots.list()), 'closed')
    }),
  ]
}

async function savesAndLoads(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<{ step: number }>(backend)
  const first = await snapshots.save({ ...S1, state: { step: 1 } })
  const second = await snapshots.save({ ...S1, state: { step: 2 } })
  expectEqual(await snapshots.load(first.id), { step: 1 })
  expectEqual(await snapshots.load(S1), { step: 2 })
  expectEqual(await snapshots.latest(S1), second)
  expectEqual(await snapshots.info(first.id), first)
  const again = await openSnapshots<{ step: number }>(backend)
  expectEqual(await again.load({ ...S1, branch: 'main' }), { step: 2 })
  expectEqual(await again.verify(), { ok: true, checked: 2, problems: [] })
  expectEqual(await again.verify(first.id), { ok: true, checked: 1, problems: [] })
}

async function tellsAll(backend: Backend): Promise<void> {
  const { store, clock } = storeWithClock(backend)
  const snapshots = await openSnapshots(store)
  const tags = ['good', 'good', 'best']
  const info = await snapshots.save({ ...S1, state: 'abc', tags, description: 'the first', metadata: { offsets: [1, 2] } })
  expectTrue(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(info.id), 'a UUID')
  expectEqual(info, {
    id: info.id,
    agent: 'planner',
    session: 's1',
    branch: 'main',
    index: 0,
    timestamp: clock.now(),
    parents: [],
    contentHash: '6cc43f858fbb763301637b5af970e2a46b46f461f27e5a0f41e009c59b827b25',
    tags: ['good', 'best'],
    description: 'the first',
    metadata: { offsets: [1, 2] },
    bytes: 5,
    storedBytes: await storedBytes(backend, 'snapshots/packs/'),
    compression: 'none',
  })
  await clock.set(clock.now() - 60_000)
  const earlier = await snapshots.save({ ...S1, state: 'abc' })
  expectEqual([earlier.timestamp, earlier.index, earlier.parents], [info.timestamp, 1, [info.id]])
  await expectRejects(snapshots.save({ ...S1, state: 1, metadata: { when: new Date(0) } as never }), 'invalid')
  await expectRejects(snapshots.save({ ...S1, state: undefined }), 'invalid')
}

async function manyWriters(backend: Backend): Promise<void> {
  const writers = [await openSnapshots<number>(backend), await openSnapshots<number>(backend)] as const
  const saved = await Promise.all(Array.from({ length: 8 }, (_, state) => writers[state % 2 === 0 ? 0 : 1].save({ ...S1, state })))
  expectEqual(saved.map(({ index }) => index).sort(), [0, 1, 2, 3, 4, 5, 6, 7])
  const listed = await collect(writers[0].list(S1))
  expectEqual(
    listed.map(({ index }) => index),
    [7, 6, 5, 4, 3, 2, 1, 0],
  )
  for (const [at, info] of listed.entries()) expectEqual(info.parents, at === 7 ? [] : [(listed[at + 1] as SnapshotInfo).id])
  for (const [state, info] of saved.entries()) expectEqual(await writers[1].load(info.id), state)
  expectEqual((await storedKeys(backend, 'snapshots/manifests/')).length, 8, 'manifests of lost races are removed')
  expectTrue((await writers[0].verify()).ok, 'all are whole')
}

async function largeStates(backend: Backend): Promise<void> {
  const { maxBlobBytes, packBytes = 4 * 2 ** 20 } = backend.blobs.traits
  const size = maxBlobBytes > 8 * 2 ** 20 ? 2 ** 20 : 2 * maxBlobBytes
  const state = new Uint8Array(size)
  for (let at = 0; at < size; at++) state[at] = (at * 2_654_435_761) >>> 13
  const snapshots: Snapshots<Uint8Array> = await openSnapshots<Uint8Array>(backend, { compression: 'none' })
  const info = await snapshots.save({ ...S1, state })
  expectBytes(await snapshots.load(info.id), state)
  const packs = await storedKeys(backend, 'snapshots/packs/')
  expectEqual(packs.length > 1, size > Math.min(maxBlobBytes, packBytes), 'packs')
  expectEqual(info.storedBytes, await storedBytes(backend, 'snapshots/packs/'))
}

async function sharesContent(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots(backend)
  const state = { notes: [...noise(3_000)].join(' ') }
  const first = await snapshots.save({ ...S1, state })
  const again = await (await openSnapshots(backend)).save({ agent: 'other', session: 's9', branch: 'b', state })
  expectEqual([again.contentHash, again.storedBytes], [first.contentHash, 0])
  expectTrue(first.storedBytes > 1_000, 'the first is stored')
  expectEqual(await snapshots.load(again.id), state)
  expectEqual((await storedKeys(backend, 'snapshots/packs/')).length, 1)
}

async function storesChanges(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<{ messages: { at: number; text: string }[] }>(backend, { compression: 'none' })
  const messages = Array.from({ length: 3_000 }, (_, at) => ({ at, text: `message ${at} ${noise(20, at).join('')}` }))
  const first = await snapshots.save({ ...S1, state: { messages } })
  messages.push({ at: 3_000, text: 'appended' })
  const appended = await snapshots.save({ ...S1, state: { messages } })
  messages[1_500] = { at: 1_500, text: 'changed' }
  const changed = await snapshots.save({ ...S1, state: { messages } })
  for (const { storedBytes: added } of [appended, changed]) expectTrue(added < first.bytes / 5, `${added} of ${first.bytes} bytes are new`)
  expectEqual(await snapshots.load(changed.id), { messages })
  expectEqual((await snapshots.load(first.id)).messages.length, 3_000)
}

/** The same everywhere, for ever: they are what contents are compared by. */
async function equalHashes(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<unknown>(backend)
  const hashOf = async (state: unknown): Promise<string> => (await snapshots.save({ ...S1, state })).contentHash
  expectEqual(await hashOf({ b: 1, a: [true, null, 'x'] }), '8894d68414d3091581a29ab8932b496951bea59a7ec43b8a7b0aec4ad4803fc7')
  expectEqual(await hashOf(Uint8Array.of(1, 2, 3)), '039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81')
  expectEqual(await hashOf(''), '12ae32cb1ec02d01eda3581b127c1fee3b0dc53572ed6baf239721a03d82e126')
}

async function streams(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<Uint8Array>(backend)
  const whole = noise(300_000)
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < whole.length; at += 7_001) yield whole.slice(at, at + 7_001)
  }
  const heard: number[] = []
  const info = await snapshots.save({ ...S1, stream: pieces(), onProgress: ({ doneBytes }) => heard.push(doneBytes) })
  expectEqual([info.bytes, heard.at(-1)], [whole.length, whole.length])
  expectBytes(await snapshots.load(info.id), whole)
  expectBytes(await bytesOf(await snapshots.stream(info.id)), whole)
  const again = await snapshots.save({ ...S1, branch: 'again', stream: await snapshots.stream(info.id) })
  expectEqual([again.contentHash, again.storedBytes], [info.contentHash, 0])
  const text = await (await openSnapshots<unknown>(backend)).save({ ...S1, state: { a: 'b' } })
  expectEqual(new TextDecoder().decode(await bytesOf(await snapshots.stream(text.id))), '{"a":"b"}')
  await expectRejects(snapshots.stream(NO_ID), 'missing')
  await expectRejects(snapshots.save({ ...S1, stream: 'text' as never }), 'invalid')
}

async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const reader = stream.getReader()
  const all: number[] = []
  for (let read = await reader.read(); !read.done; read = await reader.read()) for (const byte of read.value) all.push(byte)
  return Uint8Array.from(all)
}

async function failingStream(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots(backend)
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield noise(100_000)
    throw new RangeError('the source failed')
  }
  const error = await snapshots.save({ ...S1, stream: pieces() }).catch((reason: unknown) => reason)
  expectTrue(error instanceof RangeError, 'the failure of the source')
  expectEqual(await collect(snapshots.list()), [])
  expectEqual((await snapshots.save({ ...S1, state: 1 })).index, 0)
}

async function verifiedSave(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots(backend)
  const phases: string[] = []
  const state = { text: [...noise(50_000)].join(',') }
  const info = await snapshots.save({ ...S1, state, verify: true, onProgress: ({ phase }) => phases.push(phase) })
  expectEqual([...new Set(phases)], ['store', 'check', 'publish'])
  let loaded = 0
  expectEqual(await snapshots.load(info.id, { onProgress: ({ doneBytes }) => (loaded = doneBytes) }), state)
  expectEqual(loaded, info.bytes)
}

async function savesMany(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<{ n: number }>(backend)
  const before = await snapshots.save({ ...S1, state: { n: -1 } })
  const items = Array.from({ length: 600 }, (_, n) => ({ ...S1, state: { n }, ...(n % 100 === 0 ? { tags: ['round'] } : {}) }))
  const infos = await snapshots.saveMany(items)
  expectEqual(
    infos.map(({ index }) => index),
    items.map((_, n) => n + 1),
  )
  expectEqual([infos[0]?.parents, infos[599]?.parents], [[before.id], [infos[598]?.id as string]])
  for (const n of [0, 255, 256, 599]) expectEqual(await snapshots.load(infos[n]?.id as string), { n })
  expectEqual(await snapshots.info(infos[300]?.id as string), infos[300])
  expectEqual(await snapshots.latest(S1), infos[599])
  const listed = await collect((await openSnapshots(backend)).list(S1))
  expectEqual(
    listed.map(({ id }) => id),
    [...infos.map(({ id }) => id).reverse(), before.id],
  )
  expectEqual((await collect(snapshots.list({ tag: 'round' }))).length, 6)
  expectTrue((await storedKeys(backend, 'snapshots/manifests/')).length < 10, 'manifests lie together')
  expectEqual(await snapshots.saveMany([]), [])
}

async function savesManySessions(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<unknown>(backend)
  const item = (session: string, state: unknown): SaveItem<unknown> => ({ agent: 'a', session, state })
  const infos = await snapshots.saveMany([item('x', 1), item('y', 2), item('x', 3)])
  expectEqual(
    infos.map(({ session, index }) => [session, index]),
    [
      ['x', 0],
      ['y', 0],
      ['x', 1],
    ],
  )
  const error = await expectRejects(snapshots.saveMany([item('x', 4), item('y', undefined)]), 'invalid')
  expectEqual((error as unknown as { saved: unknown }).saved, [])
  await expectRejects(snapshots.saveMany([{ ...item('x', 5), parent: NO_ID }]), 'missing')
  expectEqual((await collect(snapshots.list())).length, 3)
}
