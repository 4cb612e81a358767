import { expect, test } from 'vitest'
import { readContent, streamContent } from '../../dist/core/engine/content/read-content.js'
import { storeStream } from '../../dist/core/engine/content/store-content.js'
import { MemoryChunks } from '../unit/engine/content/memory-chunks.js'

test('a stream is stored with the hash of all of it, which the runtime works out as it passes', async () => {
  const chunks = new MemoryChunks()
  const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => (index * index) >>> 7)
  const content = await storeStream(new Blob([bytes]).stream(), chunks)
  const digest = await crypto.subtle.digest('SHA-256', bytes)
  expect(content.contentHash).toBe(Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join(''))
  expect(await readContent(chunks, content)).toEqual(bytes)
  const parts: Uint8Array[] = []
  for await (const part of streamContent(chunks, content)) parts.push(part)
  expect(new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer())).toEqual(bytes)
})
