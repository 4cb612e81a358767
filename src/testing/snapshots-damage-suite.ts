// Damaged snapshots: found, named, and what is whole still given.

import { utf8 } from '../core/base/bytes.js'
import { isStorageError } from '../core/base/errors.js'
import { openEnvelope, sealEnvelope } from '../core/codec/envelope.js'
import { openSnapshots } from '../core/features/snapshots/open-snapshots.js'
import type { Backend } from '../core/ports/backend.js'
import { expectEqual, expectRejects, expectTrue } from './assert.js'
import { flipStoredByte, storedKeys } from './damage.js'
import { noise, type OnSnapshots, S1 } from './snapshots-scene.js'
import type { SuiteCase } from './suite.js'

export function snapshotsDamageSuite(on: OnSnapshots): readonly SuiteCase[] {
  return [
    on('a flipped bit in the content is corrupt, with what was expected and found', damagedContent),
    on('content of another snapshot under the right name is corrupt', swappedContent),
    on('a flipped bit in a manifest or session is found', damagedManifest),
    on('a newer format is unsupported, with the version found and the newest known', newerFormat),
    on('what is left of a damaged state is salvaged, and what is lost is named', salvages),
  ]
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

async function salvages(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<{ good: string; list: string[] }>(backend, { compression: 'none' })
  const list = Array.from({ length: 400 }, (_, at) => `item ${at} ${noise(80, at + 1).join('')}`)
  const state = { good: 'short', list }
  const { id } = await snapshots.save({ ...S1, state })
  expectEqual(await snapshots.salvage(id), { state, lost: [] })
  const [pack = ''] = await storedKeys(backend, 'snapshots/packs/')
  await flipStoredByte(backend, pack, 2_000)
  const { state: left, lost } = await (await openSnapshots<typeof state>(backend)).salvage(id)
  expectTrue(lost.length > 0 && lost.every(({ path, code }) => path.startsWith('/list') && code === 'corrupt'), 'the places that are lost')
  expectEqual([left?.good, left?.list.length], ['short', 400])
  for (const [at, item] of (left?.list ?? []).entries()) if (item !== null) expectEqual(item, list[at])
}
