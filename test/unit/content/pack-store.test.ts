import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { utf8 } from '../../../dist/core/base/bytes.js'
import { idOf } from '../../../dist/core/engine/content/chunk-id.js'
import type { PackBatch } from '../../../dist/core/engine/content/pack-batch.js'
import type { PackStore } from '../../../dist/core/engine/content/pack-store.js'
import { flipBit, hooked, keysOf, memoryBlobs, noise, packs, PATH } from './packs.js'

async function save(store: PackStore, ...texts: string[]): Promise<{ batch: PackBatch; ids: string[] }> {
  const batch = await store.begin()
  const ids: string[] = []
  for (const text of texts) ids.push(await batch.put('leaf', utf8(text)))
  await batch.finish()
  return { batch, ids }
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

describe('chunks in packs', () => {
  test('come back by their id, also through another handle', async () => {
    const blobs = memoryBlobs()
    const { ids } = await save(packs(blobs), 'one', 'x'.repeat(5000))
    const other = packs(blobs)
    expect(text(await other.get(ids[0] as string, 'leaf'))).toBe('one')
    expect(text(await other.get(ids[1] as string, 'leaf'))).toBe('x'.repeat(5000))
    expect(ids[0]).toMatch(/^[A-Za-z0-9_-]{44}$/)
  })

  test('one save is one pack, named by the hash of its bytes', async () => {
    const blobs = memoryBlobs()
    const { batch } = await save(packs(blobs), 'one', 'two')
    const [key, ...more] = await keysOf(blobs, `${PATH}/packs/`)
    const bytes = (await blobs.get(key as string))?.data as Uint8Array
    expect(more).toEqual([])
    expect(key).toBe(`${PATH}/packs/${createHash('sha256').update(bytes).digest('hex')}`)
    expect(batch.storedBytes).toBe(bytes.length)
  })

  test('are stored once, whoever brings them, and the batch says whose pack it relies on', async () => {
    const blobs = memoryBlobs()
    const store = packs(blobs)
    await save(store, 'one', 'one')
    const again = await save(packs(blobs), 'one')
    expect(again.batch.storedBytes).toBe(0)
    expect([...again.batch.relied()].map((name) => `${PATH}/packs/${name}`)).toEqual(await keysOf(blobs, `${PATH}/packs/`))
  })

  test('a leaf and a node of the same bytes are two', async () => {
    const bytes = utf8('same')
    expect(await idOf('leaf', bytes)).not.toBe(await idOf('node', bytes))
    const blobs = memoryBlobs()
    const { ids } = await save(packs(blobs), 'same')
    await expect(packs(blobs).get(ids[0] as string, 'node')).rejects.toMatchObject({ code: 'corrupt' })
  })

  test('a large save becomes several packs, none larger than asked for', async () => {
    const blobs = memoryBlobs()
    const store = packs(blobs, { packBytes: 64 * 1024 })
    const batch = await store.begin()
    const ids: string[] = []
    for (let i = 0; i < 40; i++) ids.push(await batch.put('leaf', noise(i, 8000)))
    await batch.finish()
    let sum = 0
    for await (const { bytes } of blobs.list({ prefix: `${PATH}/packs/` })) {
      expect(bytes).toBeLessThanOrEqual(64 * 1024)
      sum += bytes
    }
    expect(batch.storedBytes).toBe(sum)
    expect(await packs(blobs).getMany(ids.map((id) => ({ id, kind: 'leaf' })))).toEqual(ids.map((_, i) => noise(i, 8000)))
  })

  test('600 chunks of one pack are read with a few requests', async () => {
    const blobs = memoryBlobs()
    const batch = await packs(blobs).begin()
    const wanted: { id: string; kind: 'leaf' }[] = []
    for (let i = 0; i < 600; i++) wanted.push({ id: await batch.put('leaf', noise(i, 6000)), kind: 'leaf' })
    await batch.finish()
    let reads = 0
    const reader = packs(hooked(blobs, (operation) => (operation === 'get' ? reads++ : undefined)))
    const found = await reader.getMany(wanted)
    expect(found).toHaveLength(600)
    expect(found[599]).toEqual(noise(599, 6000))
    expect(await keysOf(blobs, `${PATH}/packs/`)).toHaveLength(1)
    expect(reads).toBeLessThanOrEqual(3)
  })

  test('a chunk that is nowhere is missing', async () => {
    const id = await idOf('leaf', utf8('never stored'))
    await expect(packs(memoryBlobs()).get(id, 'leaf')).rejects.toMatchObject({ code: 'missing', facts: { expected: id } })
    await expect(packs(memoryBlobs()).get('no id', 'leaf')).rejects.toMatchObject({ code: 'missing' })
  })

  test('what another handle put since is found', async () => {
    const blobs = memoryBlobs()
    const reader = packs(blobs)
    await reader.refresh()
    const { ids } = await save(packs(blobs), 'later')
    expect(text(await reader.get(ids[0] as string, 'leaf'))).toBe('later')
  })

  test('a pack that cannot be put fails the batch and leaves nothing', async () => {
    const blobs = memoryBlobs()
    const failing = hooked(blobs, (operation, key) => {
      if (operation === 'put' && key.includes('/packs/')) throw new Error('full')
    })
    const batch = await packs(failing).begin()
    await batch.put('leaf', utf8('one'))
    await expect(batch.finish()).rejects.toThrow('full')
    expect(await keysOf(blobs, '')).toEqual([])
  })
})

describe('damage', () => {
  test('every flipped bit of a pack is found, or hurts nothing', async () => {
    const blobs = memoryBlobs()
    const states = ['one', 'y'.repeat(700), 'three']
    const { ids } = await save(packs(blobs), ...states)
    const [key] = (await keysOf(blobs, `${PATH}/packs/`)) as [string]
    const { bytes } = (await blobs.get(key)) as { bytes: number }
    let lost = 0
    for (let at = 0; at < bytes; at++) {
      await flipBit(blobs, key, at)
      const reader = packs(blobs)
      for (const [i, id] of ids.entries()) {
        const found = await reader.get(id, 'leaf').then(text, (error: { code: string }) => {
          expect(['corrupt', 'missing']).toContain(error.code)
          return undefined
        })
        if (found === undefined) lost++
        else expect(found).toBe(states[i])
      }
      await flipBit(blobs, key, at)
    }
    expect(lost).toBeGreaterThan(100)
  })

  test('a chunk that is damaged in one pack is read from another', async () => {
    const blobs = memoryBlobs()
    const [a, b] = [packs(blobs), packs(blobs)]
    const batches = [await a.begin(), await b.begin()]
    const ids = await Promise.all(batches.map((batch) => batch.put('leaf', utf8('twice'))))
    for (const batch of batches) await batch.finish()
    const keys = await keysOf(blobs, `${PATH}/packs/`)
    expect(keys).toHaveLength(2)
    await flipBit(blobs, keys[0] as string, 85)
    expect(text(await packs(blobs).get(ids[0] as string, 'leaf'))).toBe('twice')
    expect(text(await a.get(ids[0] as string, 'leaf'))).toBe('twice')
    await flipBit(blobs, keys[1] as string, 85)
    await expect(packs(blobs).get(ids[0] as string, 'leaf')).rejects.toMatchObject({ code: 'corrupt', facts: { expected: ids[0] } })
  })

  test('a pack that loses its end is read by the headers of its chunks', async () => {
    const blobs = memoryBlobs()
    const { ids } = await save(packs(blobs), 'one', 'two')
    const [key] = (await keysOf(blobs, `${PATH}/packs/`)) as [string]
    const bytes = ((await blobs.get(key)) as { data: Uint8Array }).data
    await blobs.put(key, bytes.slice(0, -20))
    const reader = packs(blobs)
    expect(text(await reader.get(ids[1] as string, 'leaf'))).toBe('two')
    expect([...reader.catalogue.damaged.keys()]).toEqual([key.slice(`${PATH}/packs/`.length)])
  })
})

describe('tables of packs', () => {
  async function many(store: PackStore, count: number, from = 0): Promise<string[]> {
    const ids: string[] = []
    for (let i = 0; i < count; i++) ids.push(...(await save(store, `state ${from + i}`)).ids)
    return ids
  }

  test('16 packs get a table, 16 tables become one, and a reader needs no more than that', async () => {
    const blobs = memoryBlobs()
    const ids = await many(packs(blobs), 16 * 16 + 3)
    expect((await keysOf(blobs, `${PATH}/index/`)).map((key) => key.slice(16, 18))).toEqual(['01'])
    const read: string[] = []
    const reader = packs(hooked(blobs, (operation, key) => (operation === 'get' ? read.push(key) : undefined)))
    await reader.refresh()
    expect(read.filter((key) => key.includes('/packs/'))).toHaveLength(3)
    expect(read.filter((key) => key.includes('/index/'))).toHaveLength(1)
    for (const [i, id] of ids.entries()) expect(text(await reader.get(id, 'leaf'))).toBe(`state ${i}`)
  })

  test('index compaction under a reader: what was merged away is listed again', async () => {
    const blobs = memoryBlobs()
    const writer = packs(blobs)
    const ids = await many(writer, 16 * 15)
    let isMerged = false
    const reader = packs(
      hooked(blobs, async (operation, key) => {
        if (isMerged || operation !== 'get' || !key.includes('/index/')) return
        isMerged = true
        ids.push(...(await many(writer, 16, ids.length)))
      }),
    )
    await reader.refresh()
    expect(isMerged).toBe(true)
    expect(await keysOf(blobs, `${PATH}/index/`)).toHaveLength(1)
    for (const [i, id] of ids.entries()) expect(text(await reader.get(id, 'leaf'))).toBe(`state ${i}`)
  })

  test('what a table says of a pack that is not there means nothing', async () => {
    const blobs = memoryBlobs()
    const ids = await many(packs(blobs), 16)
    const [gone] = (await keysOf(blobs, `${PATH}/packs/`)) as [string]
    await blobs.delete([gone])
    const reader = packs(blobs)
    const batch = await reader.begin()
    let missing = 0
    for (const [i, id] of ids.entries()) {
      const found = await reader.get(id, 'leaf').then(text, (error: { code: string }) => error.code)
      if (found === 'missing') missing++
      expect(['missing', `state ${i}`]).toContain(found)
      await batch.put('leaf', utf8(`state ${i}`))
    }
    await batch.finish()
    expect(missing).toBe(1)
    for (const [i, id] of ids.entries()) expect(text(await packs(blobs).get(id, 'leaf'))).toBe(`state ${i}`)
  })

  test('a damaged table is as good as none', async () => {
    const blobs = memoryBlobs()
    const ids = await many(packs(blobs), 16)
    const [table] = (await keysOf(blobs, `${PATH}/index/`)) as [string]
    await flipBit(blobs, table, 70)
    expect(text(await packs(blobs).get(ids[7] as string, 'leaf'))).toBe('state 7')
  })
})
