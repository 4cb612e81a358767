// Nodes and leaves that a hand other than ours wrote, under addresses that are right: whatever reads them ends, and in an error of ours.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isStorageError } from '../../../../dist/core/base/errors.js'
import { encodeValue } from '../../../../dist/core/codec/codecs.js'
import { jsonCodec } from '../../../../dist/core/codec/json.js'
import type { ChunkSource } from '../../../../dist/core/engine/content/chunks.js'
import type { StoredContent } from '../../../../dist/core/engine/content/content.js'
import { ContentReader } from '../../../../dist/core/engine/content/content-reader.js'
import { cutContent } from '../../../../dist/core/engine/content/cut-content.js'
import { readContent } from '../../../../dist/core/engine/content/read-content.js'
import { salvageContent } from '../../../../dist/core/engine/content/salvage-content.js'
import { storeContent } from '../../../../dist/core/engine/content/store-content.js'
import { walkChunks } from '../../../../dist/core/engine/content/walk-chunks.js'
import { diffContents } from '../../../../dist/core/features/snapshots/diff-contents.js'
import { MemoryChunks } from './memory-chunks.js'
import { StateMaker } from './states.js'

const maker = new StateMaker(40)
const state = {
  list: maker.messages(400),
  map: Object.fromEntries(Array.from({ length: 800 }, (_, index) => [`key ${index}`, maker.text(20)])),
  nested: [{ deep: maker.messages(30) }, maker.text(9000)],
}

const readers: ((source: ChunkSource, content: StoredContent) => Promise<unknown>)[] = [
  (source, content) => readContent(source, content),
  (source, content) => new ContentReader(source, content).get('/list/200/content'),
  (source, content) => new ContentReader(source, content).get('/map/key 300'),
  (source, content) => new ContentReader(source, content).get('/map/no key'),
  (source, content) => takeAll(new ContentReader(source, content).entries('/nested')),
  (source, content) => takeAll(new ContentReader(source, content).entries('/map')),
  (source, content) => salvageContent(source, content, jsonCodec.decode),
  (source, content) => walkOnce(source, content),
]

async function takeAll(items: AsyncIterable<unknown>): Promise<void> {
  for await (const item of items) expect(item).toBeDefined()
}

async function walkOnce(source: ChunkSource, { root }: StoredContent): Promise<void> {
  const seen = new Set<string>()
  await walkChunks(source, root, (id) => !seen.has(id) && seen.add(id).has(id))
}

async function endsWell(work: Promise<unknown>): Promise<void> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error !== undefined && !isStorageError(error, 'corrupt') && !isStorageError(error, 'missing')) throw error
}

/** Gives other bytes for some chunks, and proves nothing. */
function tampered(chunks: MemoryChunks, tamper: (bytes: Uint8Array, id: string) => Uint8Array): ChunkSource {
  return {
    async get(id, kind) {
      const bytes = await chunks.get(id, kind)
      return tamper(bytes, id)
    },
  }
}

function withByte(bytes: Uint8Array, at: number, byte: number): Uint8Array {
  const changed = bytes.slice()
  changed[at] = byte
  return changed
}

test('any byte of any node may be another', async () => {
  const chunks = new MemoryChunks()
  const content = await storeContent(cutContent(encodeValue(jsonCodec, state)), chunks)
  const nodes = [...chunks.chunks].filter(([, { kind }]) => kind === 'node').map(([id]) => id)
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...nodes),
      fc.nat(),
      fc.integer({ min: 32, max: 126 }),
      fc.constantFrom(...readers),
      async (id, at, byte, read) => {
        const source = tampered(chunks, (bytes, got) => (got === id ? withByte(bytes, at % bytes.length, byte) : bytes))
        await endsWell(read(source, content))
        await endsWell(diffContents(source, content.root, { kind: 'list', bytes: 1, parts: [{ text: '1', items: 1 }] }))
      },
    ),
    { numRuns: 200 },
  )
})

test('a chunk may be any JSON', async () => {
  const chunks = new MemoryChunks()
  const content = await storeContent(cutContent(encodeValue(jsonCodec, state)), chunks)
  const ids = [...chunks.chunks.keys()]
  const part = fc.record(
    {
      leaf: fc.constantFrom<unknown>(...ids, 3, ''),
      branch: fc.constantFrom<unknown>(...ids, null),
      node: fc.constantFrom<unknown>(...ids, {}, { kind: 'bytes', bytes: 0, parts: [] }),
      text: fc.constantFrom<unknown>('1', '"a":1', '', 7),
      key: fc.constantFrom<unknown>('a', '__proto__', 1),
      bytes: fc.constantFrom<unknown>(1, 5, 2 ** 52, -1, '3'),
      items: fc.constantFrom<unknown>(1, 2, 2 ** 40),
      keys: fc.constantFrom<unknown>('AAA=', 'AAAA', '!', 1),
    },
    { requiredKeys: [] },
  )
  const node = fc.record({
    kind: fc.constantFrom('bytes', 'list', 'map', 'other'),
    bytes: fc.integer({ min: 0, max: 9 }),
    parts: fc.array(part, { maxLength: 3 }),
  })
  const anything = fc.oneof(node, fc.jsonValue())
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...ids), anything, fc.constantFrom(...readers), async (id, json, read) => {
      const other = Buffer.from(JSON.stringify(json))
      await endsWell(
        read(
          tampered(chunks, (bytes, got) => (got === id ? other : bytes)),
          content,
        ),
      )
    }),
    { numRuns: 300 },
  )
})
