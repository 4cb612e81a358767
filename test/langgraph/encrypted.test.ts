import { encrypted, openSnapshots } from 'varve'
import { memory } from 'varve/adapters/memory'
import { openCheckpointer } from 'varve/integrations/langgraph'
import { expectRejects, registerSuite } from 'varve/testing'
import { expect, test } from 'vitest'
import { latest, put } from './saver-scene.js'
import { saverSuite } from './saver-suite.js'

const key = new Uint8Array(32).fill(7)

registerSuite(
  test,
  saverSuite(async () => encrypted(memory(), { key })),
)

test('neither values nor writes nor names of channels can be read in the store', async () => {
  const place = memory()
  const saver = await openCheckpointer(encrypted(place, { key }))
  const config = await put(saver, { values: { SECRETCHANNEL: 'SECRETVALUE' } })
  await saver.putWrites(config, [['SECRETCHANNEL', 'SECRETVALUE']], 'task')
  expect((await saver.getTuple(latest()))?.pendingWrites).toHaveLength(1)
  let blobs = 0
  for await (const { key } of place.blobs.list({ prefix: '' })) {
    const { data } = (await place.blobs.get(key)) ?? {}
    expect(`${key} ${Buffer.from(data ?? []).toString('latin1')}`).not.toMatch(/secret/i)
    blobs++
  }
  expect(blobs).toBeGreaterThan(3)
  await saver.close()
})

test('where only the snapshots are encrypted, a checkpointer would leave writes readable beside them and is refused', async () => {
  const place = memory()
  const snapshots = await openSnapshots(place, { encryption: { key } })
  await snapshots.save({ agent: 'langgraph', session: 'thread', state: 1 })
  await expectRejects(openCheckpointer(place), 'denied')
  await place.close()
})
