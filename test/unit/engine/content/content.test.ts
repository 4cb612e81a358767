import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isStorageError } from '../../../../dist/core/base/errors.js'
import { encodeValue } from '../../../../dist/core/codec/codecs.js'
import { jsonCodec } from '../../../../dist/core/codec/json.js'
import type { ContentNode, StoredContent } from '../../../../dist/core/engine/content/content.js'
import { cutContent } from '../../../../dist/core/engine/content/cut-content.js'
import { readContent, streamContent } from '../../../../dist/core/engine/content/read-content.js'
import { storeContent, storeStream } from '../../../../dist/core/engine/content/store-content.js'
import { walkChunks } from '../../../../dist/core/engine/content/walk-chunks.js'
import { MemoryChunks } from './memory-chunks.js'
import { StateMaker } from './states.js'

const KIB = 1024

const store = (value: unknown, chunks: MemoryChunks): Promise<StoredContent> =>
  storeContent(cutContent(encodeValue(jsonCodec, value)), chunks)

async function load(content: StoredContent, chunks: MemoryChunks): Promise<unknown> {
  return jsonCodec.decode(await readContent(chunks, content))
}

async function roundTrip(value: unknown): Promise<unknown> {
  const chunks = new MemoryChunks()
  const content = await store(value, chunks)
  const text = JSON.stringify(value)
  expect(content.bytes).toBe(Buffer.byteLength(text))
  expect(content.contentHash).toBe(createHash('sha256').update(text).digest('hex'))
  return await load(JSON.parse(JSON.stringify(content)) as StoredContent, chunks)
}

/** A value far larger than its seed: long strings, many items, deep where it grows. */
const large = fc
  .record({
    seed: fc.integer(),
    items: fc.integer({ min: 0, max: 40 }),
    length: fc.integer({ min: 0, max: 30 * KIB }),
    extra: fc.jsonValue(),
  })
  .map(({ seed, items, length, extra }) => {
    const maker = new StateMaker(seed)
    const value: unknown[] = []
    for (let index = 0; index < items; index++) {
      const kind = Math.floor(maker.random() * 5)
      if (kind === 0) value.push(maker.text(maker.random() * length))
      else if (kind === 1)
        value.push({ [`k"${index}`]: maker.messages(Math.floor(maker.random() * 12)), [index]: index, 'é\ud800': maker.text(length) })
      else if (kind === 2) value.push(Array.from({ length: Math.floor(maker.random() * 3000) }, (_, at) => at))
      else value.push(extra, {}, [], '')
    }
    return JSON.parse(JSON.stringify({ value, extra, more: value.slice(0, 3) })) as unknown
  })

async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of stream) parts.push(part)
  return Buffer.concat(parts)
}

function randomBytes(length: number, seed = 1): Uint8Array {
  const maker = new StateMaker(seed)
  return Uint8Array.from({ length }, () => maker.random() * 256)
}

async function* piecesOf(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}

describe('the content of a JSON value', () => {
  test('any value comes back equal', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 6 }), async (generated) => {
        const value = JSON.parse(JSON.stringify(generated)) as unknown
        expect(await roundTrip(value)).toStrictEqual(value)
      }),
    )
  })

  test('any large value comes back equal, in the same order of keys', async () => {
    await fc.assert(
      fc.asyncProperty(large, async (value) => {
        const back = await roundTrip(value)
        expect(JSON.stringify(back)).toBe(JSON.stringify(value))
      }),
      { numRuns: 60 },
    )
  })

  test.each([
    ['a huge string', new StateMaker(1).text(300 * KIB)],
    ['many small items', Array.from({ length: 50_000 }, (_, index) => index % 7)],
    ['one item again and again', Array.from({ length: 5000 }, () => 'the same')],
    ['strings full of quotes and brackets', Array.from({ length: 800 }, (_, index) => `"\\[{,}]\\"${index}`)],
    ['lone surrogates', { ['\ud800'.repeat(50)]: ['\udc00'.repeat(9000), '\ud800'] }],
    ['a key named __proto__', JSON.parse(`{"__proto__":{"a":"${'x'.repeat(9000)}"},"b":1}`) as unknown],
    ['large items under large keys', { ['k'.repeat(400)]: new StateMaker(2).messages(40), b: 1 }],
    ['keys that look like integers', Object.fromEntries(Array.from({ length: 3000 }, (_, index) => [String(9000 - index), index]))],
  ])('%s comes back', async (_name, value) => {
    const back = await roundTrip(value)
    expect(JSON.stringify(back)).toBe(JSON.stringify(value))
  })

  test('a value as deep as JSON may be is kept without a stack as deep', async () => {
    let value: unknown = new StateMaker(3).text(20 * KIB)
    for (let depth = 0; depth < 999; depth++) value = depth % 2 === 0 ? [value, depth] : { deeper: value, depth: 'd'.repeat(50) }
    expect(JSON.stringify(await roundTrip(value))).toBe(JSON.stringify(value))
  })

  test('a small value lies in the node, without a chunk', async () => {
    const chunks = new MemoryChunks()
    const content = await store({ step: 1, done: false }, chunks)
    expect(chunks.puts).toBe(0)
    expect(await load(content, chunks)).toEqual({ step: 1, done: false })
  })

  test('equal values have equal roots', async () => {
    const [a, b] = [new StateMaker(5).state(400 * KIB), new StateMaker(5).state(400 * KIB)]
    const [one, other] = [await store(a, new MemoryChunks()), await store(b, new MemoryChunks())]
    expect(one).toEqual(other)
  })

  test('what is cut is taken over: changing the value later changes nothing', async () => {
    const value = new StateMaker(6).state(50 * KIB)
    const text = JSON.stringify(value)
    const chunks = new MemoryChunks()
    const cut = cutContent(encodeValue(jsonCodec, value))
    value.messages.length = 0
    expect(JSON.stringify(await load(await storeContent(cut, chunks), chunks))).toBe(text)
  })

  test('the root is small, whatever the size of the value', async () => {
    const { root } = await store(new StateMaker(7).state(3 * KIB * KIB), new MemoryChunks())
    expect(JSON.stringify(root).length).toBeLessThan(9 * KIB)
  })
})

describe('what a second save stores', () => {
  const changes: { what: string; change: (maker: StateMaker, messages: unknown[]) => void }[] = [
    { what: 'appended', change: (maker, messages) => void messages.push(...maker.messages(messages.length / 100)) },
    {
      what: 'inserted',
      change: (maker, messages) => void messages.splice(maker.random() * messages.length, 0, ...maker.messages(messages.length / 100)),
    },
    {
      what: 'changed',
      change: (maker, messages) => {
        const fresh = maker.messages(messages.length / 100)
        messages.splice(maker.random() * (messages.length - fresh.length), fresh.length, ...fresh)
      },
    },
    { what: 'removed', change: (maker, messages) => void messages.splice(maker.random() * messages.length * 0.9, messages.length / 100) },
  ]

  test.each(changes)('1 MiB with a hundredth $what in one run: at most 3 % on average', async ({ change }) => {
    let added = 0
    let total = 0
    for (let seed = 1; seed <= 10; seed++) {
      const maker = new StateMaker(seed)
      const state = maker.state(KIB * KIB)
      const chunks = new MemoryChunks()
      await store(state, chunks)
      change(maker, state.messages)
      added += await chunks.added(async () => {
        total += (await store(state, chunks)).bytes
      })
    }
    expect(added / total).toBeLessThanOrEqual(0.03)
  })

  test.each(changes)('10 MB with a hundredth $what in one run: at most 3 %', async ({ change }) => {
    const maker = new StateMaker(11)
    const state = maker.state(10e6)
    const chunks = new MemoryChunks()
    const { bytes } = await store(state, chunks)
    change(maker, state.messages)
    expect(await chunks.added(() => store(state, chunks))).toBeLessThanOrEqual(bytes * 0.03)
  })

  test('a long string that grows stores its end again, and no more', async () => {
    const maker = new StateMaker(12)
    const text = maker.text(KIB * KIB)
    const chunks = new MemoryChunks()
    await store({ text }, chunks)
    expect(await chunks.added(() => store({ text: `${text}${maker.text(100)}` }, chunks))).toBeLessThan(24 * KIB)
  })

  test('one byte inserted into bytes stores a chunk or two again', async () => {
    const bytes = randomBytes(3 * KIB * KIB)
    const chunks = new MemoryChunks()
    await storeContent(cutContent({ codec: 0, bytes }), chunks)
    const changed = Buffer.concat([bytes.subarray(0, 1_000_000), Buffer.from([7]), bytes.subarray(1_000_000)])
    expect(await chunks.added(() => storeContent(cutContent({ codec: 0, bytes: changed }), chunks))).toBeLessThan(600 * KIB)
  })
})

describe('the content of bytes', () => {
  test.each([0, 1, 64 * KIB, 64 * KIB + 1, 700_001])('%i bytes come back, at once or as a stream', async (length) => {
    const bytes = randomBytes(length)
    const chunks = new MemoryChunks()
    const atOnce = await storeContent(cutContent({ codec: 0, bytes }), chunks)
    for (const step of [1000, 65_537, 1_000_000]) {
      expect(await storeStream(piecesOf(bytes, step), chunks)).toEqual(atOnce)
    }
    expect(await storeStream(new Blob([bytes as Uint8Array<ArrayBuffer>]).stream(), chunks)).toEqual(atOnce)
    expect(Buffer.from(await readContent(chunks, atOnce)).equals(bytes)).toBe(true)
    expect(Buffer.from(await bytesOf(streamContent(chunks, atOnce))).equals(bytes)).toBe(true)
  })

  test('up to 64 KiB are one chunk, more are many', async () => {
    const chunks = new MemoryChunks()
    await storeContent(cutContent({ codec: 0, bytes: randomBytes(64 * KIB) }), chunks)
    expect(chunks.puts).toBe(1)
    await storeContent(cutContent({ codec: 0, bytes: randomBytes(KIB * KIB) }), chunks)
    expect(chunks.puts).toBeGreaterThan(6)
  })

  test('a stream that fails fails the store; one that is not read to its end is cancelled', async () => {
    const reason = new Error('gone')
    let cancelled = false
    const source = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(500_000)),
      cancel: () => {
        cancelled = true
      },
    })
    const sink = { put: () => Promise.reject(reason) }
    await expect(storeStream(source, sink)).rejects.toBe(reason)
    expect(cancelled).toBe(true)
    const failing = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(reason) })
    await expect(storeStream(failing, new MemoryChunks())).rejects.toBe(reason)
  })
})

describe('a stream that hangs', () => {
  const hanging: [string, () => ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>][] = [
    ['a ReadableStream', () => new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}) })],
    [
      'a generator',
      async function* () {
        yield new Uint8Array(10)
        await new Promise(() => {})
      },
    ],
  ]

  test.each(hanging)('%s is left when the signal aborts', async (_name, source) => {
    const controller = new AbortController()
    const storing = storeStream(source(), new MemoryChunks(), { signal: controller.signal })
    const reason = new Error('enough')
    setImmediate(() => controller.abort(reason))
    await expect(storing).rejects.toBe(reason)
    await expect(storeStream(source(), new MemoryChunks(), { signal: controller.signal })).rejects.toBe(reason)
  })
})

describe('what is read is proved', () => {
  async function stored(): Promise<{ chunks: MemoryChunks; content: StoredContent }> {
    const chunks = new MemoryChunks()
    return { chunks, content: await store(new StateMaker(20).state(600 * KIB), chunks) }
  }

  test('a damaged or missing chunk of either kind is told', async () => {
    const { chunks, content } = await stored()
    for (const id of [...chunks.chunks.keys()].filter((_, index) => index % 17 === 0)) {
      const chunk = chunks.chunks.get(id)
      if (chunk === undefined) continue
      chunks.damage(id)
      await expect(readContent(chunks, content)).rejects.toMatchObject({ code: 'corrupt', facts: { expected: id } })
      chunks.chunks.delete(id)
      await expect(readContent(chunks, content)).rejects.toMatchObject({ code: 'missing' })
      chunks.chunks.set(id, chunk)
    }
    expect(await readContent(chunks, content)).toHaveLength(content.bytes)
  })

  test('another hash than the manifest has is corrupt, whole and as a stream', async () => {
    const { chunks, content } = await stored()
    const wrong = { ...content, contentHash: '0'.repeat(64) }
    const expected = { code: 'corrupt', facts: { expected: wrong.contentHash, actual: content.contentHash } }
    await expect(readContent(chunks, wrong)).rejects.toMatchObject(expected)
    await expect(bytesOf(streamContent(chunks, wrong))).rejects.toMatchObject(expected)
  })

  test('whatever is changed in a root is corrupt, missing, or gives the same bytes', async () => {
    const { chunks, content } = await stored()
    const original = Buffer.from(await readContent(chunks, content))
    const text = JSON.stringify(content.root)
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: text.length - 1 }), fc.integer({ min: 32, max: 126 }), async (at, code) => {
        const changed = text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1)
        let root: ContentNode
        try {
          root = JSON.parse(changed) as ContentNode
        } catch {
          return
        }
        try {
          expect(original.equals(await readContent(chunks, { ...content, root }))).toBe(true)
        } catch (error) {
          expect(isStorageError(error, 'corrupt') || isStorageError(error, 'missing')).toBe(true)
        }
      }),
      { numRuns: 300 },
    )
  })

  test('nodes that hold themselves many times over end in an error, not in memory', async () => {
    const chunks = new MemoryChunks()
    let node: ContentNode = { kind: 'bytes', bytes: 5, parts: [{ text: 'hello' }] }
    for (let level = 0; level < 300; level++) {
      const branch = await chunks.put('node', Buffer.from(JSON.stringify(node)))
      node = { kind: 'bytes', bytes: node.bytes, parts: [{ branch, bytes: node.bytes }] }
    }
    const content = { root: node, bytes: 5, contentHash: '', codec: 0 }
    await expect(readContent(chunks, content)).rejects.toMatchObject({ code: 'corrupt' })
    await expect(walkChunks(chunks, node, () => true)).rejects.toMatchObject({ code: 'corrupt' })
  })

  test('a size that no memory holds is refused before it is taken', async () => {
    const bytes = 2 ** 52
    const branch = `A${'B'.repeat(43)}`
    const root: ContentNode = { kind: 'bytes', bytes, parts: [{ branch, bytes }] }
    await expect(readContent(new MemoryChunks(), { root, bytes, contentHash: '', codec: 0 })).rejects.toMatchObject({ code: 'missing' })
  })
})

describe('the walk over the chunks of a content', () => {
  test('visits every chunk with its kind, and reads no leaf', async () => {
    const chunks = new MemoryChunks()
    const { root } = await store(new StateMaker(30).state(500 * KIB), chunks)
    const seen = new Map<string, string>()
    await walkChunks(chunks, root, (id, kind) => !seen.has(id) && seen.set(id, kind) !== undefined)
    expect([...seen.keys()].sort()).toEqual([...chunks.chunks.keys()].sort())
    for (const [id, kind] of seen) expect(chunks.chunks.get(id)?.kind).toBe(kind)
    expect(chunks.gets.every((id) => seen.get(id) === 'node')).toBe(true)
  })

  test('goes below no node it has seen', async () => {
    const chunks = new MemoryChunks()
    const maker = new StateMaker(31)
    const state = maker.state(500 * KIB)
    const seen = new Set<string>()
    const visit = (id: string): boolean => !seen.has(id) && seen.add(id).has(id)
    await walkChunks(chunks, (await store(state, chunks)).root, visit)
    state.messages.push(maker.message())
    const { root } = await store(state, chunks)
    chunks.gets.length = 0
    await walkChunks(chunks, root, visit)
    expect(chunks.gets.length).toBeLessThan(6)
    expect([...chunks.chunks.keys()].every((id) => seen.has(id))).toBe(true)
  })
})
