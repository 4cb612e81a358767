// What snapshots must do on every backend that can compare and set; on the others `openSnapshots` must say what to use instead.

import { utf8 } from '../core/base/bytes.js'
import { isStorageError } from '../core/base/errors.js'
import { openEnvelope, sealEnvelope } from '../core/codec/envelope.js'
import { createContext, storeOver } from '../core/derived/resolve.js'
import { openSnapshots } from '../core/features/snapshots/open-snapshots.js'
import type { SnapshotChange, SnapshotFilter, SnapshotInfo, Snapshots } from '../core/features/snapshots/types.js'
import type { Backend } from '../core/ports/backend.js'
import { expectBytes, expectEqual, expectRejects, expectTrue } from './assert.js'
import { flipStoredByte, storedKeys } from './damage.js'
import { ManualClock } from './manual-clock.js'
import { backendCase, type MakeBackend, type SuiteCase } from './suite.js'

const S1 = { agent: 'planner', session: 's1' }
const NO_ID = '00000000-0000-4000-8000-000000000000'

/** Every behaviour of `openSnapshots` on the backends that `make` gives. */
export function snapshotsSuite(make: MakeBackend): readonly SuiteCase[] {
  const on = (name: string, body: (backend: Backend) => Promise<void>): SuiteCase =>
    backendCase(`snapshots: ${name}`, make, async (backend) => {
      if (backend.blobs.traits.conditionalPut) await body(backend)
      else await refuses(backend)
    })
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
    on('branches have heads of their own, and parents tell where they began', branches),
    on('lists are newest first and filtered', lists),
    on('a flipped bit in the content is corrupt, with the hash expected and found', damagedContent),
    on('content of another snapshot under the right name is corrupt', swappedContent),
    on('a flipped bit in a manifest or session is found', damagedManifest),
    on('a newer format is unsupported, with the version found and the newest known', newerFormat),
    on('deleting takes the blobs along and never an index twice', deletes),
    on('a watcher hears of saves and deletions', watches),
    on('states larger than a blob are cut into parts', largeStates),
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

async function refuses(backend: Backend): Promise<void> {
  const error = await expectRejects(() => openSnapshots(backend), 'unsupported')
  expectEqual(error.backend, backend.name)
  expectTrue(error.message.includes('R2') && error.message.includes('Durable Object'), 'what to use instead')
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
  const clock = new ManualClock()
  const context = createContext(backend, { clock })
  const snapshots = await openSnapshots(storeOver(context, () => context.close()))
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

async function branches(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<string>(backend)
  const root = await snapshots.save({ ...S1, state: 'root' })
  const left = await snapshots.save({ ...S1, branch: 'left', parent: root.id, state: 'left' })
  const right = await snapshots.save({ ...S1, branch: 'right', parent: root.id, state: 'right' })
  expectEqual([left.parents, right.parents], [[root.id], [root.id]])
  expectEqual(await snapshots.load(S1), 'root')
  expectEqual(await snapshots.load({ ...S1, branch: 'left' }), 'left')
  expectEqual((await snapshots.latest({ ...S1, branch: 'right' }))?.id, right.id)
  expectEqual((await snapshots.save({ ...S1, branch: 'left', state: 'more' })).parents, [left.id])
  await expectRejects(snapshots.load({ ...S1, branch: 'none' }), 'missing')
}

async function lists(backend: Backend): Promise<void> {
  const clock = new ManualClock()
  const context = createContext(backend, { clock })
  const snapshots = await openSnapshots<number>(storeOver(context, () => context.close()))
  const begin = clock.now()
  const save = (agent: string, session: string, state: number, more: { branch?: string; tags?: string[] } = {}): Promise<SnapshotInfo> =>
    snapshots.save({ agent, session, state, ...more })
  await save('a', 's1', 0)
  await save('a', 's1', 1, { tags: ['good'] })
  await clock.advance(10)
  await save('a', 's2', 2, { branch: 'other' })
  await save('b', 's1', 3, { tags: ['good'] })
  await clock.advance(10)
  await save('a', 's1', 4)
  const states = async (filter?: SnapshotFilter): Promise<number[]> => {
    const infos = await collect(snapshots.list(filter))
    return await Promise.all(infos.map(({ id }) => snapshots.load(id)))
  }
  expectEqual(await states(), [4, 2, 3, 1, 0])
  expectEqual(await states({ agent: 'a' }), [4, 2, 1, 0])
  expectEqual(await states({ agent: 'a', session: 's1' }), [4, 1, 0])
  expectEqual(await states({ session: 's1' }), [4, 3, 1, 0])
  expectEqual(await states({ branch: 'other' }), [2])
  expectEqual(await states({ tag: 'good' }), [3, 1])
  expectEqual(await states({ after: begin }), [4, 2, 3])
  expectEqual(await states({ before: new Date(begin + 10) }), [1, 0])
  expectEqual(await states({ limit: 2 }), [4, 2])
  expectEqual(await states({ limit: 0 }), [])
  await expectRejects(() => states({ limit: -1 }), 'invalid')
  await expectRejects(() => states({ before: new Date(Number.NaN) }), 'invalid')
}

async function damagedContent(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<string>(backend, { compression: 'none' })
  const state = 'a state worth keeping '.repeat(20)
  const info = await snapshots.save({ ...S1, state })
  const [key = ''] = await storedKeys(backend, 'snapshots/packs/')
  const whole = await snapshots.save({ ...S1, session: 's2', state: 'another' })
  const size = (await backend.blobs.get(key))?.bytes as number
  let found = 0
  for (let at = 0; at < size; at++) {
    await flipStoredByte(backend, key, at)
    const reader = await openSnapshots<string>(backend)
    const loaded = await reader.load(info.id).catch((error: unknown) => error)
    if (loaded !== state) {
      found++
      expectTrue(
        isStorageError(loaded, 'corrupt') && loaded.key === info.id,
        `a flip at byte ${at} of ${size} is corrupt: ${String(loaded)}`,
      )
    }
    await reader.close()
    await flipStoredByte(backend, key, at)
  }
  expectTrue(found > state.length, 'every flip in the state is found')
  await flipStoredByte(backend, key, 100)
  const report = await (await openSnapshots<string>(backend)).verify()
  expectEqual([report.ok, report.checked], [false, 2])
  expectEqual(
    report.problems.map((problem) => [problem.id, problem.code]),
    [[info.id, 'corrupt']],
  )
  expectTrue(report.problems[0]?.expected !== report.problems[0]?.actual, 'what was expected and what was found')
  expectEqual((await snapshots.verify(whole.id)).ok, true)
  await backend.blobs.delete([key])
  const later = await openSnapshots<string>(backend)
  await expectRejects(later.load(info.id), 'corrupt')
  expectEqual((await later.verify(info.id)).ok, false)
}

async function swappedContent(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<string>(backend, { compression: 'none' })
  const one = await snapshots.save({ ...S1, state: 'one '.repeat(100) })
  const [first = ''] = await storedKeys(backend, 'snapshots/packs/')
  await snapshots.save({ ...S1, state: 'two '.repeat(100) })
  const second = (await storedKeys(backend, 'snapshots/packs/')).find((key) => key !== first) as string
  await backend.blobs.put(first, (await backend.blobs.get(second))?.data as Uint8Array)
  const error = await expectRejects((await openSnapshots(backend)).load(one.id), 'corrupt')
  expectEqual(error.key, one.id)
}

async function damagedManifest(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<string>(backend)
  const { id } = await snapshots.save({ ...S1, state: 'one' })
  const other = await snapshots.save({ ...S1, session: 's2', state: 'two' })
  const key = (await storedKeys(backend, 'snapshots/manifests/')).find((one) => one.includes(id)) as string
  await flipStoredByte(backend, key)
  await expectRejects(snapshots.load(id), 'corrupt')
  await expectRejects(snapshots.info(id), 'corrupt')
  expectEqual((await snapshots.verify(id)).problems[0]?.code, 'corrupt')
  await flipStoredByte(backend, key)
  const manifest = (await backend.blobs.get(key))?.data as Uint8Array
  await backend.blobs.delete([key])
  expectEqual(
    (await snapshots.verify()).problems.map((problem) => [problem.id, problem.code]),
    [[id, 'missing']],
  )
  await backend.blobs.put(key, manifest)
  expectTrue((await snapshots.verify()).ok, 'whole again')
  const [cell] = await storedKeys(backend, 'snapshots/sessions/')
  await flipStoredByte(backend, cell as string)
  await expectRejects(snapshots.load(S1), 'corrupt')
  expectEqual(
    (await snapshots.verify()).problems.map((problem) => [problem.id, problem.code]),
    [['planner/s1', 'corrupt']],
  )
  expectEqual(await snapshots.load(other.id), 'two')
}

async function newerFormat(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<string>(backend)
  const { id } = await snapshots.save({ ...S1, state: 'one' })
  const [key] = await storedKeys(backend, 'snapshots/manifests/')
  const envelope = openEnvelope((await backend.blobs.get(key as string))?.data as Uint8Array, 'manifest', id)
  const manifest = JSON.parse(new TextDecoder().decode(envelope.body)) as Record<string, unknown>
  const newer = utf8(JSON.stringify({ ...manifest, format: 7 }))
  await backend.blobs.put(key as string, sealEnvelope({ kind: 'manifest', codec: 1 }, newer))
  const error = await expectRejects(snapshots.load(id), 'unsupported')
  expectEqual(error.facts, { format: 7, newestKnown: 2 })
  expectEqual((await snapshots.verify(id)).problems[0]?.code, 'unsupported')
}

async function deletes(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<string>(backend)
  const ids: string[] = []
  for (const state of ['zero', 'one', 'two']) ids.push((await snapshots.save({ ...S1, state })).id)
  await snapshots.save({ ...S1, session: 's2', state: 'stays' })
  await snapshots.delete(ids[2] as string)
  await snapshots.delete(ids[2] as string)
  await expectRejects(snapshots.load(ids[2] as string), 'missing')
  expectEqual(await snapshots.load(S1), 'one')
  const next = await snapshots.save({ ...S1, state: 'three' })
  expectEqual([next.index, next.parents], [3, [ids[1] as string]])
  await snapshots.delete(S1)
  await snapshots.delete(S1)
  expectEqual(await snapshots.latest(S1), undefined)
  expectEqual(
    (await collect(snapshots.list())).map(({ session }) => session),
    ['s2'],
  )
  expectEqual((await storedKeys(backend, 'snapshots/manifests/')).length, 1)
  const begun = await snapshots.save({ ...S1, state: 'anew' })
  expectEqual([begun.index, begun.parents], [4, []])
}

async function watches(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<number>(backend)
  const heard: SnapshotChange[] = []
  const stop = snapshots.watch((change) => heard.push(change))
  const info = await snapshots.save({ ...S1, state: 1 })
  await snapshots.delete(info.id)
  const change = { id: info.id, agent: 'planner', session: 's1', branch: 'main', index: 0 }
  expectEqual(heard, [
    { type: 'saved', ...change },
    { type: 'deleted', ...change },
  ])
  stop()
  await snapshots.save({ ...S1, state: 2 })
  expectEqual(heard.length, 2)
  await snapshots.close()
}

async function largeStates(backend: Backend): Promise<void> {
  const { maxBlobBytes } = backend.blobs.traits
  const size = maxBlobBytes > 8 * 2 ** 20 ? 2 ** 20 : 2 * maxBlobBytes
  const state = new Uint8Array(size)
  for (let at = 0; at < size; at++) state[at] = (at * 2_654_435_761) >>> 13
  const snapshots: Snapshots<Uint8Array> = await openSnapshots<Uint8Array>(backend, { compression: 'none' })
  const info = await snapshots.save({ ...S1, state })
  expectBytes(await snapshots.load(info.id), state)
  const packs = await storedKeys(backend, 'snapshots/packs/')
  expectEqual(packs.length > 1, size > maxBlobBytes, 'packs')
  expectEqual(info.storedBytes, await storedBytes(backend, 'snapshots/packs/'))
}

async function storedBytes(backend: Backend, prefix: string): Promise<number> {
  let bytes = 0
  for await (const info of backend.blobs.list({ prefix })) bytes += info.bytes
  return bytes
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}
