// What compression may and may not change: nothing that a reader sees.

import { isStorageError } from '../core/base/errors.js'
import { openQueue } from '../core/features/queue/open-queue.js'
import type { QueueOptions } from '../core/features/queue/types.js'
import { expectEqual, expectRejects, expectTrue } from './assert.js'
import { range, storeCase } from './queue-place.js'
import type { MakeBackend, SuiteCase } from './suite.js'

const TEXT = 'the same words again and again, '.repeat(40)

export function compressionCases(make: MakeBackend): readonly SuiteCase[] {
  const names = ['gzip', 'deflate'] as const
  return [
    ...names.map((compression) =>
      storeCase(`compression: ${compression} gives back what was appended, and takes fewer bytes`, make, async (store) => {
        const values = range(200).map((n) => `${n} ${TEXT}`)
        const plain = await openQueue<string>(store, 'plain')
        const small = await openQueue<string>(store, 'small', { compression })
        for (const queue of [plain, small]) {
          await queue.appendMany(values.slice(0, 150))
          for (const value of values.slice(150, 160)) await queue.append(value)
          await queue.appendMany(values.slice(160))
        }
        expectEqual(
          (await small.read({ limit: 1000 })).map(({ value }) => value),
          values,
        )
        expectEqual(
          (await small.read({ from: 148, limit: 15 })).map(({ offset }) => offset),
          range(15, 148),
        )
        for (const from of [0, 149, 150, 155, 199]) expectEqual((await small.read({ from, limit: 1 }))[0]?.value, values[from])
        const [before, after] = [(await plain.stats()).buckets[0]?.bytes ?? 0, (await small.stats()).buckets[0]?.bytes ?? 0]
        expectTrue(after < before / 2, `${after} bytes are fewer than half of ${before}`)
      }),
    ),
    storeCase('compression: what would not shrink is stored as it is', make, async (store) => {
      const options: QueueOptions<Uint8Array> = { compression: 'gzip' }
      const queue = await openQueue<Uint8Array>(store, 'q', options)
      const noise = Uint8Array.from(range(4000), (n) => Math.imul(n * n + 12345, 2654435761) >>> 11)
      await queue.append(noise)
      expectEqual((await queue.read())[0]?.value, noise)
      expectTrue(((await queue.stats()).buckets[0]?.bytes ?? 0) > 4000, 'it did not shrink')
    }),
    storeCase('compression: it can change while a queue lives, and readers at once do not disturb each other', make, async (store) => {
      const queue = await openQueue<string>(store, 'q', { compression: 'deflate' })
      await queue.appendMany(range(100).map((n) => `${n} ${TEXT}`))
      await queue.close()
      const again = await openQueue<string>(store, 'q')
      await again.appendMany(range(100, 100).map((n) => `${n} ${TEXT}`))
      const reads = range(40).map((n) => again.read({ from: (n * 67) % 200, limit: 3 }))
      for (const [n, records] of (await Promise.all(reads)).entries()) {
        expectEqual(records[0]?.value, `${(n * 67) % 200} ${TEXT}`)
      }
    }),
    storeCase('compression: brotli, zstd and lz4 give back what was appended, or are unsupported here', make, async (store) => {
      for (const compression of ['brotli', 'zstd', 'lz4'] as const) {
        const values = range(20).map((n) => `${n} ${TEXT}`)
        try {
          const queue = await openQueue<string>(store, compression, { compression })
          await queue.appendMany(values)
          const read = await (await openQueue<string>(store, compression)).read()
          expectEqual(
            read.map(({ value }) => value),
            values,
          )
        } catch (error) {
          expectTrue(isStorageError(error, 'unsupported'), String(error))
        }
      }
    }),
    storeCase('compression: a level is taken, and one that there is not is refused', make, async (store) => {
      const queue = await openQueue<string>(store, 'q', { compression: { name: 'gzip', level: 9 } })
      await queue.append(TEXT)
      expectEqual((await queue.read())[0]?.value, TEXT)
      for (const level of [10, -1, 0.5]) await expectRejects(openQueue(store, 'r', { compression: { name: 'gzip', level } }), 'invalid')
    }),
    storeCase('compression: an unknown name is refused', make, async (store) => {
      await expectRejects(openQueue(store, 'q', { compression: 'best' as 'gzip' }), 'invalid')
    }),
  ]
}
