// What another program or a newer version may have written into cells and pages: whole by its checksums, and of another shape.

import { type Backend, isStorageError, openSnapshots } from 'varve'
import { faultBackend, storedKeys } from 'varve/testing'
import { expect, test } from 'vitest'
import { sealEnvelope } from '../../../dist/core/codec/envelope.js'

const S = { agent: 'a', session: 's' }
const WRONG = [undefined, null, 7, -1.5, 'text', true, [], {}, [null], [[]]]
const CODES = ['corrupt', 'missing', 'unsupported'] as const
type Part = Record<string, unknown> | unknown[]

/** So small that the third snapshot leads to a page. */
async function repository(): Promise<Backend> {
  const backend = faultBackend({ files: false, maxBlobBytes: 4_096 })
  const snapshots = await openSnapshots<unknown>(backend)
  const { id } = await snapshots.save({ ...S, state: 1, tags: ['t'], metadata: { n: 1 } })
  for (const state of [2, 3, 4]) await snapshots.save({ ...S, state, description: 'd' })
  await snapshots.pin(id)
  await snapshots.fork(id, { branch: 'side' })
  return backend
}

/** All that differ from it in one part. */
function* variants(value: unknown): Generator<unknown> {
  yield* WRONG
  if (typeof value !== 'object' || value === null) return
  for (const [name, part] of Object.entries(value)) {
    for (const other of variants(part)) {
      const copy = structuredClone(value) as Part
      ;(copy as Record<string, unknown>)[name] = other
      yield copy
    }
  }
}

async function onlyDamage(call: () => Promise<unknown>): Promise<void> {
  try {
    await call()
  } catch (error) {
    if (!CODES.some((code) => isStorageError(error, code))) throw error
  }
}

async function all(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}

test.each([
  ['a cell of a session', 'snapshots/sessions/', 'cell'],
  ['a page of summaries', 'snapshots/pages/', 'page'],
] as const)('%s of another shape is damage, and never an accident of ours', async (_, prefix, kind) => {
  const backend = await repository()
  const [key = ''] = await storedKeys(backend, prefix)
  const { data } = (await backend.blobs.get(key)) as { data: Uint8Array }
  const body = JSON.parse(new TextDecoder().decode(data.subarray(48)))
  const stored = kind === 'cell' ? body[0] : body
  let refused = 0
  let tried = 0
  for (const variant of variants(stored)) {
    const wrong = JSON.stringify(kind === 'cell' ? [variant, []] : variant)
    if (wrong === undefined || wrong === JSON.stringify(stored)) continue
    await backend.blobs.put(key, sealEnvelope({ kind, codec: 1 }, new TextEncoder().encode(wrong)))
    const snapshots = await openSnapshots<unknown>(backend)
    await onlyDamage(() => all(snapshots.list()))
    await onlyDamage(() => snapshots.latest(S))
    await onlyDamage(() => snapshots.prune({ last: 1 }, { dryRun: true }))
    const { problems } = await snapshots.verify({ level: 'manifests' })
    if (problems.length > 0) refused++
    tried++
  }
  expect(tried).toBeGreaterThan(100)
  expect(refused).toBeGreaterThan(tried / 2)
  await backend.blobs.put(key, data)
  expect((await (await openSnapshots(backend)).verify()).problems).toEqual([])
})
