import { expect, test } from 'vitest'
import { idInto, idText } from '../../../dist/core/engine/content/chunk-id.js'
import { chunkRecord, ENTRY_BYTES, entryOf } from '../../../dist/core/engine/content/pack-format.js'
import { PackIndex, withoutDead } from '../../../dist/core/engine/content/pack-index.js'
import { seededRandom } from '../../../dist/testing/manual-clock.js'

const random = seededRandom(7)

function randomId(): string {
  return idText(
    Uint8Array.from({ length: 32 }, () => random() * 256),
    1,
  )
}

function tableOf(ids: readonly string[]): Uint8Array {
  const table = new Uint8Array(ids.length * ENTRY_BYTES)
  for (const [i, id] of ids.entries()) {
    const record = chunkRecord({ id, kind: 'leaf', compression: 0, plainBytes: i, bytes: new Uint8Array(i) })
    table.set(entryOf(record, 32 + i), i * ENTRY_BYTES)
  }
  return table
}

test('an id is the same as text and as bytes', () => {
  for (let i = 0; i < 200; i++) {
    const id = randomId()
    const bytes = new Uint8Array(40)
    expect(idInto(id, bytes, 3)).toBe(true)
    expect(idText(bytes.subarray(3, 35), bytes[35] as number)).toBe(id)
  }
  for (const wrong of ['', 'a', '!'.repeat(44), `${'A'.repeat(43)}=`]) expect(idInto(wrong, new Uint8Array(40), 0)).toBe(false)
})

test('finds every copy in packs that count, and nothing else', () => {
  let index = new PackIndex()
  const model = new Map<string, Set<string>>()
  const packs = new Map<string, string[]>()
  const known: string[] = []
  for (let step = 0; step < 400; step++) {
    if (random() < 0.7 || packs.size === 0) {
      const name = `pack ${step}`
      const ids = Array.from({ length: 1 + Math.floor(random() * 40) }, () =>
        random() < 0.2 && known.length > 0 ? (known[Math.floor(random() * known.length)] as string) : randomId(),
      )
      const unique = [...new Set(ids)]
      known.push(...unique)
      packs.set(name, unique)
      index.add(name, 1000, tableOf(unique))
      for (const id of unique) model.set(id, (model.get(id) ?? new Set()).add(name))
    } else {
      const name = [...packs.keys()][Math.floor(random() * packs.size)] as string
      for (const id of packs.get(name) ?? []) model.get(id)?.delete(name)
      packs.delete(name)
      index.remove(name)
    }
    if (step % 100 === 99) index = withoutDead(index)
  }
  expect(index.chunks).toBe([...packs.values()].flat().length)
  for (const [id, names] of model) {
    const found = index.find(id)
    expect(new Set(found.map((entry) => index.packOf(entry)?.name))).toEqual(names)
    for (const entry of found) {
      expect(index.idOf(entry)).toBe(id)
      expect(index.place(entry)).toMatchObject({ at: 32 + index.place(entry).plainBytes, storedBytes: index.place(entry).plainBytes })
    }
  }
  expect(index.find(randomId())).toEqual([])
})
