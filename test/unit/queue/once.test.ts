import { openQueue, openStore, type Queue } from 'varve'
import { type FaultBackend, faultBackend } from 'varve/testing'
import { describe, expect, test } from 'vitest'
import { imageOf } from '../../crash/images.js'

const OPTIONS = { segmentBytes: 400, compaction: 'key' } as const

async function opened<T>(backend: FaultBackend, task: (queue: Queue<string>) => Promise<T>): Promise<T> {
  const store = await openStore(backend.another())
  const result = await task(await openQueue<string>(store, 'q', OPTIONS))
  await store.close()
  return result
}

const removals: readonly { readonly what: string; readonly remove: (queue: Queue<string>) => Promise<unknown> }[] = [
  { what: 'trimmed', remove: (queue) => queue.trim('latest') },
  { what: 'compacted', remove: (queue) => queue.compact() },
]

describe.each([
  { place: 'files', files: true },
  { place: 'chunks', files: false },
])('a record with an id, on $place', ({ files }) => {
  test.each(removals)(
    'is known when it comes again after it was $what with its whole segment, and the process was killed',
    async ({ remove }) => {
      const backend = faultBackend({ files })
      const store = await openStore(backend.another())
      const queue = await openQueue<string>(store, 'q', OPTIONS)
      const { offset } = await queue.append('first', { key: 'k', id: 'once' })
      for (let n = 0; n < 20; n++) await queue.append(`${n} ${'x'.repeat(40)}`, { key: 'k' })
      await queue.compact()
      await remove(queue)
      const left = faultBackend({ files, image: await imageOf(backend.another()), lastLockToken: 10 })
      expect(await opened(left, (again) => again.append('first', { key: 'k', id: 'once' }))).toMatchObject({ offset, duplicate: true })
    },
  )
})
