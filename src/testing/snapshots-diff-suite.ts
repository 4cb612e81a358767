// The difference of two snapshots, as a JSON Patch.

import { openSnapshots } from '../core/features/snapshots/open-snapshots.js'
import type { Backend } from '../core/ports/backend.js'
import { expectEqual, expectRejects } from './assert.js'
import { noise, NO_ID, type OnSnapshots, S1 } from './snapshots-scene.js'
import type { SuiteCase } from './suite.js'

export function snapshotsDiffSuite(on: OnSnapshots): readonly SuiteCase[] {
  return [
    on('the difference of two states is what turns the first into the second', stateDiff),
    on('the difference of values that are not JSON replaces what is not equal', otherDiff),
  ]
}

async function stateDiff(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<unknown>(backend)
  const messages = Array.from({ length: 400 }, (_, index) => ({ index, text: `message ${index} `.repeat(10) }))
  const before = await snapshots.save({ ...S1, state: { step: 1, messages, 'a/b': { gone: true } } })
  const added = { index: 400, text: 'the newest' }
  const after = await snapshots.save({ ...S1, state: { step: 2, messages: [...messages.slice(1), added], 'a/b': {} } })
  const back = await snapshots.diff(after.id, before.id)
  expectEqual(await snapshots.diff(before.id, { ...S1 }), [
    { op: 'replace', path: '/step', value: 2 },
    { op: 'remove', path: '/messages/0' },
    { op: 'add', path: '/messages/399', value: added },
    { op: 'remove', path: '/a~1b/gone' },
  ])
  expectEqual(back[0], { op: 'replace', path: '/step', value: 1 })
  expectEqual(await snapshots.diff(before.id, before.id), [])
  expectEqual(await snapshots.diff(before.id, (await snapshots.fork(before.id)).id), [])
  await expectRejects(snapshots.diff(before.id, NO_ID), 'missing')
  await snapshots.close()
  await expectRejects(snapshots.diff(before.id, after.id), 'closed')
}

async function otherDiff(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<unknown>(backend, { codec: 'structured' })
  const [day, next] = [new Date(0), new Date(86_400_000)]
  const state = { at: day, seen: new Set([1]), bytes: noise(20), list: [1, 2] }
  const a = await snapshots.save({ ...S1, state })
  const b = await snapshots.save({ ...S1, state: { ...state, at: next, list: [1, 2, 3] } })
  expectEqual(await snapshots.diff(a.id, b.id), [
    { op: 'replace', path: '/at', value: next as unknown as string },
    { op: 'add', path: '/list/2', value: 3 },
  ])
}
