// What a failure leaves behind is never met again: a segment file that the manifest does not name is no part of the log.

import { openQueue, openStore, type Queue } from 'varve'
import { type FaultBackend, faultBackend, type FaultRule, faulty, type FaultyBackend } from 'varve/testing'
import { describe, expect, test } from 'vitest'
import { contentOf, QUEUE } from './workload.js'

const VALUES = Array.from({ length: 30 }, (_, n) => `value ${n}`)

async function open(backend: Parameters<typeof openStore>[0]): Promise<Queue<string>> {
  return openQueue<string>(await openStore(backend), QUEUE, { segmentBytes: 300 })
}

async function filesOf(backend: FaultBackend): Promise<string[]> {
  const paths: string[] = []
  for await (const { path } of backend.files?.list('') ?? []) paths.push(path)
  return paths
}

/** Appends until all are stored; an append that failed is tried again. */
async function appendAll(queue: Queue<string>): Promise<void> {
  for (const value of VALUES) await queue.append(value).catch(() => queue.append(value))
}

/** Paths that anything was done to. */
function touched(backend: FaultyBackend): Set<string> {
  return new Set(
    backend.operations.filter(({ operation }) => operation.startsWith('file.') || operation === 'files.open').map(({ key }) => key),
  )
}

describe('a segment file whose beginning failed', () => {
  const failures = [
    { on: 'file.append', key: '/seg/', effect: 'fail', code: 'quota' },
    { on: 'file.sync', key: '/seg/', effect: 'fail' },
    { on: 'blobs.put', key: '/manifest', effect: 'fail', code: 'quota' },
  ] satisfies Omit<FaultRule, 'n'>[]
  test.each(failures)('stays unread, also by later sessions and segments: %o', async (failure) => {
    let orphans = 0
    for (let n = 1; n <= 12; n++) {
      const disk = faultBackend()
      const failing = faulty(disk, [{ ...failure, n }])
      const queue = await open(failing)
      await appendAll(queue)
      await queue.close()
      await failing.close()
      const left = await filesOf(disk.another())
      const reader = faulty(disk.another(), [])
      const again = await open(reader)
      expect((await contentOf(again))[0], `failure ${n}`).toEqual(VALUES)
      for (const value of VALUES) await again.append(value)
      expect((await contentOf(again))[0], `failure ${n}`).toEqual([...VALUES, ...VALUES])
      const { segments = 0 } = (await again.stats()).buckets[0] ?? {}
      const unnamed = (await filesOf(disk.another())).length - segments
      // A segment of the manifest without a record in it is not read either.
      expect(left.filter((path) => !touched(reader).has(path)).length, `failure ${n}`).toBeGreaterThanOrEqual(unnamed)
      orphans += unnamed
    }
    expect(orphans).toBeGreaterThan(0)
  })
})
