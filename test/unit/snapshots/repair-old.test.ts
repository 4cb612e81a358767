// What a store of format 1 lost comes back from a copy of it, in either format, and is named where there is none.

import { type Backend, openSnapshots } from 'varve'
import { memory } from 'varve/adapters/memory'
import { storedKeys } from 'varve/testing'
import { describe, expect, test } from 'vitest'
import { utf8 } from '../../../dist/core/base/bytes.js'
import { ENVELOPE_BYTES, sealEnvelope } from '../../../dist/core/codec/envelope.js'
import { sha256Hex } from '../../../dist/core/codec/hash.js'
import { flipBit, hooked } from '../content/packs.js'
import { golden } from './golden-store.js'

const S = { agent: 'Agent', session: 's/1' }
const STATES = [
  { step: 2, notes: '' },
  { step: 1, notes: 'note '.repeat(200) },
]
const CONTENT = 'snapshots/content/'
const MANIFESTS = 'snapshots/manifests/'

/** As `copy` makes it: of the format of today. */
async function copied(): Promise<Backend> {
  const backend = memory()
  await (await openSnapshots(await golden())).copy(backend)
  return backend
}

async function shown(backend: Backend): Promise<object[]> {
  const snapshots = await openSnapshots<unknown>(backend)
  const found: object[] = []
  for await (const { storedBytes: _stored, compression: _compression, ...info } of snapshots.list(S))
    found.push({ ...info, state: await snapshots.load(info.id) })
  return found
}

type Damage = (backend: Backend) => Promise<unknown>

const first = async (backend: Backend, prefix: string): Promise<string> => (await storedKeys(backend, prefix))[0] as string
const DAMAGES: readonly (readonly [what: string, damage: Damage, quarantined: number])[] = [
  ['a content is damaged', async (backend) => flipBit(backend.blobs, await first(backend, CONTENT), 60), 1],
  ['a content is gone', async (backend) => backend.blobs.delete([await first(backend, CONTENT)]), 0],
  ['a manifest is damaged', async (backend) => flipBit(backend.blobs, await first(backend, MANIFESTS), 60), 1],
  ['a manifest is gone', async (backend) => backend.blobs.delete([await first(backend, MANIFESTS)]), 0],
  [
    'all is damaged but the session',
    async (backend) => {
      for (const prefix of [CONTENT, MANIFESTS]) for (const key of await storedKeys(backend, prefix)) await flipBit(backend.blobs, key, 60)
    },
    2,
  ],
]

describe('a store of format 1', () => {
  test('that is whole is left as it is', async () => {
    const backend = await golden()
    const before = await storedKeys(backend, '')
    expect(await (await openSnapshots(backend)).repair({ from: await copied() })).toMatchObject({ ok: true, repaired: [], quarantined: [] })
    expect(await storedKeys(backend, '')).toEqual(before)
  })

  test.each(DAMAGES)('where %s is named and moved aside without a copy, and nothing is deleted', async (_, damage, quarantined) => {
    const backend = await golden()
    await damage(backend)
    const before = await storedKeys(backend, 'snapshots/')
    const report = await (await openSnapshots(backend)).repair()
    expect(report).toMatchObject({ ok: false, repaired: [] })
    expect(report.lost.length).toBeGreaterThan(0)
    expect(report.quarantined).toHaveLength(quarantined)
    expect(await storedKeys(backend, 'snapshots/')).toEqual([...before, ...report.quarantined].sort())
  })

  describe.each([
    ['of format 1', golden],
    ['of the format of today', copied],
  ])('with a copy %s', (_, mirrored) => {
    test.each(DAMAGES)('where %s is whole again', async (_what, damage) => {
      const backend = await golden()
      const before = await shown(backend)
      await damage(backend)
      const report = await (await openSnapshots(backend)).repair({ from: await mirrored() })
      expect(report).toMatchObject({ ok: true, lost: [] })
      expect(report.repaired.length).toBeGreaterThan(0)
      expect(await shown(backend)).toEqual(before)
      expect(before.map((one) => (one as { state: unknown }).state)).toEqual(STATES)
      const snapshots = await openSnapshots<unknown>(backend)
      await snapshots.save({ ...S, state: 3 })
      await snapshots.collect()
      expect(await (await openSnapshots(backend)).verify()).toMatchObject({ ok: true, checked: 3 })
    })
  })

  test('a repair that is cut at any change is ended by the next', async () => {
    const before = await shown(await golden())
    let isDone = false
    for (let after = 0; !isDone; after++) {
      const backend = await golden()
      await DAMAGES[4]?.[1](backend)
      let changes = 0
      const dying = {
        ...backend,
        blobs: hooked(backend.blobs, (operation) => {
          if ((operation === 'put' || operation === 'delete') && changes++ >= after) throw new Error('power failure')
        }),
        health: () => backend.health(),
        close: () => backend.close(),
      }
      isDone = await (await openSnapshots<unknown>(dying)).repair({ from: await copied() }).then(
        ({ ok }) => ok,
        () => false,
      )
      expect(await (await openSnapshots<unknown>(backend)).repair({ from: await copied() })).toMatchObject({ ok: true, lost: [] })
      expect(await shown(backend)).toEqual(before)
    }
  })

  test('where a fork has its chunks in a damaged pack is whole again, and so is the fork', async () => {
    const backend = await golden()
    const snapshots = await openSnapshots<unknown>(backend)
    const infos = []
    for await (const info of snapshots.list(S)) infos.push(info)
    for (const { id, index } of infos) await snapshots.fork(id, { branch: `fork ${index}` })
    const before = await shown(backend)
    await backend.blobs.delete(await storedKeys(backend, CONTENT))
    const packs = await storedKeys(backend, 'snapshots/packs/')
    expect(packs.length).toBeGreaterThan(0)
    for (const key of packs) await flipBit(backend.blobs, key, 92)
    const report = await (await openSnapshots(backend)).repair({ from: await golden() })
    expect(report).toMatchObject({ ok: true, lost: [] })
    expect(report.quarantined).toHaveLength(packs.length)
    expect(await shown(backend)).toEqual(before)
  })

  test('nothing comes from a copy that has another state under that id', async () => {
    const backend = await golden()
    const mirror = await golden()
    for (const key of await storedKeys(mirror, MANIFESTS)) {
      const { data } = (await mirror.blobs.get(key)) as { data: Uint8Array }
      const manifest = JSON.parse(new TextDecoder().decode(data.subarray(ENVELOPE_BYTES)))
      const state = utf8('{"step":9}')
      await mirror.blobs.put(`${CONTENT}${manifest.content.id}-000000`, sealEnvelope({ kind: 'content', codec: 1 }, state))
      const content = { ...manifest.content, compression: 0 }
      const forged = { ...manifest, bytes: state.length, contentHash: await sha256Hex(state), content }
      await mirror.blobs.put(key, sealEnvelope({ kind: 'manifest', codec: 1 }, utf8(JSON.stringify(forged))))
    }
    const other = await openSnapshots<unknown>(mirror)
    expect(await other.load(S)).toEqual({ step: 9 })
    await flipBit(backend.blobs, await first(backend, CONTENT), 60)
    expect(await (await openSnapshots(backend)).repair({ from: mirror })).toMatchObject({ ok: false, repaired: [] })
  })
})
