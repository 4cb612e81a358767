import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeValue } from '../../../../dist/core/codec/codecs.js'
import { jsonCodec } from '../../../../dist/core/codec/json.js'
import type { StoredContent } from '../../../../dist/core/engine/content/content.js'
import { ContentReader } from '../../../../dist/core/engine/content/content-reader.js'
import { cutContent } from '../../../../dist/core/engine/content/cut-content.js'
import { salvageContent } from '../../../../dist/core/engine/content/salvage-content.js'
import { storeContent } from '../../../../dist/core/engine/content/store-content.js'
import { MemoryChunks } from './memory-chunks.js'
import { StateMaker } from './states.js'

const KIB = 1024

async function stored(value: unknown): Promise<{ chunks: MemoryChunks; content: StoredContent; reader: ContentReader }> {
  const chunks = new MemoryChunks()
  const content = await storeContent(cutContent(encodeValue(jsonCodec, value)), chunks)
  return { chunks, content, reader: new ContentReader(chunks, content) }
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = []
  for await (const item of items) list.push(item)
  return list
}

function makeState(seed: number): Record<string, unknown> {
  const maker = new StateMaker(seed)
  return {
    small: { a: [1, { 'b/c': { '~': 'deep' } }], empty: {} },
    messages: maker.messages(900),
    byKey: Object.fromEntries(Array.from({ length: 3000 }, (_, index) => [`key ${index}`, { index, text: maker.text(20) }])),
    mixed: [maker.messages(30), 1, maker.text(50 * KIB), null, { deeper: maker.messages(40) }, 'end'],
    numbers: Array.from({ length: 20_000 }, (_, index) => index),
    ['__proto__']: { mine: maker.messages(20) },
    '': { '': maker.messages(10) },
  }
}

/** All pointers of a value down to three steps, some of many. */
function somePlaces(value: unknown, steps: readonly string[] = []): { steps: readonly string[]; value: unknown }[] {
  const here = [{ steps, value }]
  if (typeof value !== 'object' || value === null || steps.length > 4) return here
  const keys = Object.keys(value)
  const chosen =
    keys.length < 12
      ? keys
      : [0, 1, 0.2, 0.41, 0.77, 0.999].map((share) => keys[Math.floor(Math.min(share, 0.9999) * keys.length)] as string)
  return here.concat(chosen.flatMap((key) => somePlaces((value as Record<string, unknown>)[key], [...steps, key])))
}

const pointer = (steps: readonly string[]): string => steps.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')

describe('a content read by path', () => {
  test('every place gives its value, by pointer and by steps', async () => {
    const state = makeState(1)
    const { reader } = await stored(state)
    const places = somePlaces(state)
    expect(places.length).toBeGreaterThan(200)
    for (const { steps, value } of places) {
      expect(JSON.stringify(await reader.get(pointer(steps)))).toBe(JSON.stringify(value))
      expect(JSON.stringify(await reader.get(steps))).toBe(JSON.stringify(value))
    }
  })

  test.each([
    '/nothing',
    '/messages/900',
    '/messages/-1',
    '/messages/-',
    '/messages/01',
    '/messages/1.5',
    '/messages/length',
    '/messages/3/content/0',
    '/small/a/length',
    '/toString',
    '/small/constructor',
    '/byKey/key 3000',
    '/numbers/99999999999999999999',
  ])('%s is not there', async (path) => {
    expect(await (await stored(makeState(2))).reader.get(path)).toBeUndefined()
  })

  test.each(['messages', '/a~2', '/~', 3])('%s is no path', async (path) => {
    const { reader } = await stored(makeState(2))
    await expect(reader.get(path as string)).rejects.toMatchObject({ code: 'invalid' })
  })

  test('reads few chunks, and none before it is asked', async () => {
    const { chunks, reader } = await stored(makeState(3))
    expect(chunks.gets).toHaveLength(0)
    const readsOf = async (path: string): Promise<{ nodes: number; leaves: number }> => {
      chunks.gets.length = 0
      await reader.get(path)
      const nodes = chunks.gets.filter((id) => chunks.chunks.get(id)?.kind === 'node').length
      return { nodes, leaves: chunks.gets.length - nodes }
    }
    expect((await readsOf('/messages/500/content')).leaves).toBe(1)
    expect((await readsOf('/messages/501')).nodes).toBeLessThanOrEqual(2)
    expect((await readsOf('/byKey/key 1234')).leaves).toBe(1)
    expect((await readsOf('/byKey/no such key')).leaves).toBe(0)
    expect((await readsOf('/numbers/19999')).leaves).toBe(1)
    expect((await readsOf('/mixed/1')).leaves).toBe(0)
  })

  test('keys and entries come in order, those of a list as indexes', async () => {
    const state = makeState(4)
    const { chunks, reader } = await stored(state)
    for (const { steps, value } of somePlaces(state).filter((place) => place.steps.length < 3)) {
      const isContainer = typeof value === 'object' && value !== null
      expect(await all(reader.keys(steps))).toEqual(isContainer ? Object.keys(value) : [])
      const entries = await all(reader.entries(steps))
      expect(JSON.stringify(entries)).toBe(JSON.stringify(isContainer ? Object.entries(value) : []))
    }
    expect(await all(reader.keys('/nothing'))).toEqual([])
    chunks.gets.length = 0
    expect(await all(reader.keys('/numbers'))).toHaveLength(20_000)
    expect(chunks.gets.filter((id) => chunks.chunks.get(id)?.kind === 'leaf')).toHaveLength(0)
  })

  test('entries that nobody asks for are not read', async () => {
    const { chunks, reader } = await stored(makeState(5))
    for await (const [key] of reader.entries('/messages')) if (key === '10') break
    expect(chunks.gets.length).toBeLessThan(20)
  })

  test('a damaged chunk hurts only those who read it', async () => {
    const { chunks, reader } = await stored(makeState(6))
    await reader.get('/messages/500')
    const leaf = chunks.gets.find((id) => chunks.chunks.get(id)?.kind === 'leaf') as string
    chunks.damage(leaf)
    await expect(reader.get('/messages/500')).rejects.toMatchObject({ code: 'corrupt' })
    expect(await reader.get('/messages/100/id')).toBe('m100')
  })

  test('what is not JSON is unsupported', async () => {
    const chunks = new MemoryChunks()
    const content = await storeContent(cutContent({ codec: 0, bytes: new Uint8Array(3) }), chunks)
    expect(() => new ContentReader(chunks, content)).toThrow(expect.objectContaining({ code: 'unsupported' }))
  })
})

describe('the salvage of a damaged content', () => {
  test('of an undamaged one is all of it', async () => {
    const state = makeState(10)
    const { chunks, content } = await stored(state)
    const { value, lost } = await salvageContent(chunks, content, jsonCodec.decode)
    expect(JSON.stringify(value)).toBe(JSON.stringify(state))
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect(lost).toEqual([])
  })

  test('gives back all that verifies, whatever chunks are gone, and says what is not there', async () => {
    const state = makeState(11)
    const { chunks, content } = await stored(state)
    const ids = [...chunks.chunks.keys()]
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.constantFrom(...ids), { minLength: 1, maxLength: 12 }), async (gone) => {
        const kept = gone.map((id) => [id, chunks.chunks.get(id)] as const)
        for (const id of gone.slice(1)) chunks.damage(id)
        chunks.chunks.delete(gone[0] as string)
        const { value, lost } = await salvageContent(chunks, content, jsonCodec.decode)
        for (const [id, chunk] of kept) if (chunk !== undefined) chunks.chunks.set(id, chunk)
        expect(lost.length).toBeGreaterThan(0)
        for (const { chunk } of lost) expect(gone).toContain(chunk)
        expectPartOf(value, state)
      }),
      { numRuns: 25 },
    )
  })

  test('items of lists that are lost are null, entries of maps are absent, and the paths say so', async () => {
    const state = { list: new StateMaker(12).messages(200), map: { big: new StateMaker(13).messages(60), small: 1 } }
    const { chunks, content, reader } = await stored(state)
    const leafOf = async (path: string): Promise<string> => {
      chunks.gets.length = 0
      await reader.get(path)
      return chunks.gets.find((id) => chunks.chunks.get(id)?.kind === 'leaf') as string
    }
    chunks.damage(await leafOf('/list/100'))
    const { value, lost } = await salvageContent(chunks, content, jsonCodec.decode)
    const list = (value as typeof state).list
    expect(list).toHaveLength(200)
    expect(list[100]).toBeNull()
    expect(lost).toHaveLength(1)
    const first = Number(lost[0]?.path.split('/')[2])
    expect(lost[0]).toMatchObject({ path: `/list/${first}`, code: 'corrupt' })
    expect(list[first]).toBeNull()
    expect(list[first - 1]).toEqual(state.list[first - 1])
    expect((value as typeof state).map).toEqual(state.map)
  })

  test('of bytes keeps every byte that is not lost in its place', async () => {
    const chunks = new MemoryChunks()
    const maker = new StateMaker(14)
    const bytes = Uint8Array.from({ length: 600_000 }, () => 1 + maker.random() * 255)
    const content = await storeContent(cutContent({ codec: 0, bytes }), chunks)
    const leaf = content.root.parts[2] as { leaf: string; bytes: number }
    chunks.chunks.delete(leaf.leaf)
    const { value, lost } = await salvageContent(chunks, content, () => undefined)
    const back = value as Uint8Array
    expect(back).toHaveLength(bytes.length)
    expect(back.filter((byte, index) => byte !== bytes[index])).toEqual(new Uint8Array(leaf.bytes))
    expect(lost).toMatchObject([{ path: '', code: 'missing', chunk: leaf.leaf }])
  })

  test('of another codec is the whole or nothing', async () => {
    const chunks = new MemoryChunks()
    const content = await storeContent(cutContent({ codec: 2, bytes: new Uint8Array(50_000) }), chunks)
    const decode = (bytes: Uint8Array): number => bytes.length
    expect(await salvageContent(chunks, content, decode)).toEqual({ value: 50_000, lost: [] })
    chunks.chunks.clear()
    expect(await salvageContent(chunks, content, decode)).toMatchObject({ value: undefined, lost: [{ path: '', code: 'missing' }] })
  })

  test('what is no damage is thrown', async () => {
    const { content } = await stored(makeState(15))
    const broken = { get: () => Promise.reject(new TypeError('a fault of ours')) }
    await expect(salvageContent(broken, content, jsonCodec.decode)).rejects.toThrow('a fault of ours')
  })
})

/** Objects may lack entries, lists have null for items. */
function expectPartOf(part: unknown, whole: unknown): void {
  if (Array.isArray(part)) {
    expect(part).toHaveLength((whole as unknown[]).length)
    for (const [index, item] of part.entries()) if (item !== null) expectPartOf(item, (whole as unknown[])[index])
  } else if (typeof part === 'object' && part !== null) {
    for (const [key, value] of Object.entries(part)) {
      if (!Object.hasOwn(whole as object, key)) expect(key).toBe('a key of the original')
      expectPartOf(value, (whole as Record<string, unknown>)[key])
    }
  } else if (part !== whole && part !== undefined) expect(part).toBe(whole)
}
