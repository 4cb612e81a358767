import { describe, expect, test } from 'vitest'
import { openSnapshots, type Snapshots, StorageError, type Trace, type TraceAttributes } from 'varve'
import { memory } from 'varve/adapters/memory'
import { ManualClock } from 'varve/testing'
import { traced } from '../../../dist/core/base/trace.js'
import { withBlobs } from '../snapshots/faulty-backend.js'

interface SpanSeen {
  readonly name: string
  readonly attributes: Record<string, TraceAttributes[string]>
}

function tracer(): { readonly spans: SpanSeen[]; readonly trace: Trace } {
  const spans: SpanSeen[] = []
  return {
    spans,
    trace: async (name, attributes, run) => {
      const span = { name, attributes: { ...attributes } }
      spans.push(span)
      return await run((more) => Object.assign(span.attributes, more))
    },
  }
}

const start = { name: 'work', attributes: { a: 1 } }

describe('what is run in a span', () => {
  test('begins at once and gives its own result', async () => {
    const { spans, trace } = tracer()
    const order: string[] = []
    const running = traced(trace, start, async (add) => {
      order.push('begun')
      await undefined
      add({ b: 2 })
      return 'done'
    })
    order.push('called')
    expect(await running).toBe('done')
    expect(order).toEqual(['begun', 'called'])
    expect(spans).toEqual([{ name: 'work', attributes: { a: 1, b: 2 } }])
  })

  test('tells why it failed, and that it was aborted', async () => {
    const { spans, trace } = tracer()
    const enough = new Error('enough')
    for (const [error, signal] of [
      [new StorageError('corrupt', 'secret'), undefined],
      [new TypeError('secret'), undefined],
      [enough, AbortSignal.abort(enough)],
      [new StorageError('corrupt', 'secret'), AbortSignal.abort(enough)],
    ] as const) {
      const failing = traced(trace, { ...start, signal }, async () => {
        throw error
      })
      await expect(failing).rejects.toBe(error)
    }
    expect(spans.map(({ attributes: { a: _, ...rest } }) => rest)).toEqual([
      { error: 'corrupt' },
      { error: 'unknown' },
      { aborted: true },
      { error: 'corrupt' },
    ])
  })

  const odd: readonly (readonly [string, Trace])[] = [
    [
      'throws',
      () => {
        throw new Error('tracer')
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('tracer')
      },
    ],
    ['gives something else', async () => 'else' as never],
    [
      'throws after it',
      async (_name, _attributes, run) => {
        await run(() => {})
        throw new Error('tracer')
      },
    ],
    [
      'runs it twice',
      async (_name, _attributes, run) => {
        await run(() => {})
        return await run(() => {})
      },
    ],
    [
      'runs it later',
      async (_name, _attributes, run) => {
        await undefined
        return await run(() => {})
      },
    ],
    [
      'cannot add',
      async (_name, _attributes, run) =>
        await run(() => {
          throw new Error('tracer')
        }),
    ],
    ['hides its failure', async (_name, _attributes, run) => await run(() => {}).catch(() => 'fine' as never)],
  ]
  test.each(odd)('is run once with its own outcome by a tracer that %s', async (_, trace) => {
    let runs = 0
    const work = async (add: (more: TraceAttributes) => void): Promise<number> => {
      add({ b: 2 })
      return ++runs
    }
    expect(await traced(trace, start, work)).toBe(1)
    expect(runs).toBe(1)
    const failure = new StorageError('denied', 'no')
    const failing = async (): Promise<never> => {
      runs++
      throw failure
    }
    await expect(traced(trace, start, failing)).rejects.toBe(failure)
    expect(runs).toBe(2)
  })

  test('told to a tracer that begins later, nothing is lost', async () => {
    const seen: TraceAttributes[] = []
    const late: Trace = async (_name, _attributes, run) => {
      for (let turn = 0; turn < 10; turn++) await undefined
      return await run((more) => seen.push(more))
    }
    await traced(late, start, async (add) => add({ b: 2 }))
    expect(seen).toEqual([{ b: 2 }])
  })
})

describe('snapshots with a tracer', () => {
  async function traceable(): Promise<{ spans: SpanSeen[]; snapshots: Snapshots<unknown> }> {
    const { spans, trace } = tracer()
    return { spans, snapshots: await openSnapshots(memory(), { trace }) }
  }

  const ref = { agent: 'planner', session: 's1' }

  test('a save and a load are spans, with names, id and sizes', async () => {
    const { spans, snapshots } = await traceable()
    const { id, bytes, storedBytes, compression } = await snapshots.save({
      ...ref,
      branch: 'b',
      state: { step: 1, text: 'again '.repeat(500) },
    })
    await snapshots.load(id)
    await snapshots.load({ ...ref, branch: 'b' }, { path: '/step' })
    const sizes = { id, bytes, storedBytes, compression }
    expect(spans).toEqual([
      { name: 'snapshots.save', attributes: { backend: 'memory', ...ref, branch: 'b', ...sizes } },
      { name: 'snapshots.load', attributes: { backend: 'memory', ...sizes } },
      { name: 'snapshots.load', attributes: { backend: 'memory', ...ref, branch: 'b', id } },
    ])
    expect(bytes).toBeGreaterThan(3_000)
  })

  test('so are many at once, forks, what keeps them in order, and copies', async () => {
    const { spans, snapshots } = await traceable()
    const infos = await snapshots.saveMany([1, 2, 3].map((state) => ({ ...ref, state })))
    const fork = await snapshots.fork(infos[0]?.id ?? '', { branch: 'f' })
    await snapshots.prune({ last: 1 }, { agent: 'planner' })
    await snapshots.collect()
    await snapshots.verify()
    await snapshots.verify(fork.id)
    await snapshots.repair()
    await snapshots.copy(memory())
    const archive = await new Response(snapshots.export()).bytes()
    await (await openSnapshots(memory())).import(archive)
    const target = tracer()
    await (await openSnapshots(memory(), { trace: target.trace })).import(archive)
    const backend = 'memory'
    expect(spans.map(({ name }) => name.slice('snapshots.'.length))).toEqual([
      'saveMany',
      'fork',
      'prune',
      'collect',
      'verify',
      'verify',
      'repair',
      'copy',
      'export',
    ])
    expect(spans.map(({ attributes }) => attributes)).toEqual([
      { backend, snapshots: 3, bytes: 3, storedBytes: 0 },
      { backend, id: fork.id, bytes: 1, storedBytes: 0, compression: 'none' },
      { backend, agent: 'planner', dryRun: false, kept: 2, removed: 2 },
      expect.objectContaining({ backend, dryRun: false, snapshots: 2 }),
      { backend, ok: true, checked: 2, problems: 0 },
      { backend, id: fork.id, ok: true, checked: 1, problems: 0 },
      { backend, ok: true, repaired: 0, lost: 0 },
      { backend, copied: 2, skipped: 0, storedBytes: 0, dryRun: false },
      { backend, bytes: archive.length },
    ])
    expect(target.spans).toEqual([{ name: 'snapshots.import', attributes: { backend, imported: 2, skipped: 0, storedBytes: 0 } }])
  })

  test('a save by the clock is one too', async () => {
    const { spans, snapshots } = await traceable()
    const auto = await snapshots.auto(() => ({ n: 1 }), { ...ref, everyMs: 60_000 })
    await auto.saveNow()
    await auto.stop()
    expect(spans).toMatchObject([{ name: 'snapshots.save', attributes: { ...ref, branch: 'main', bytes: 7 } }])
  })

  test('what fails says why, also where the call itself is wrong', async () => {
    const { spans, snapshots } = await traceable()
    await expect(snapshots.load({ ...ref })).rejects.toMatchObject({ code: 'missing' })
    await expect(snapshots.save({ ...ref, state: { n: Number.NaN } })).rejects.toMatchObject({ code: 'invalid' })
    await expect(snapshots.save(undefined as never)).rejects.toMatchObject({ code: 'invalid' })
    await expect(snapshots.save({ ...ref, state: 1, signal: AbortSignal.abort() })).rejects.toThrow()
    expect(spans.map(({ attributes: { backend: _, ...rest } }) => rest)).toEqual([
      { ...ref, error: 'missing' },
      { ...ref, error: 'invalid' },
      { error: 'invalid' },
      { ...ref, aborted: true },
    ])
  })

  test('an export that is not read to its end ends its span as aborted', async () => {
    const { spans, snapshots } = await traceable()
    await snapshots.save({ ...ref, state: 1 })
    const stream = snapshots.export()
    expect(spans.length).toBe(1)
    const reader = stream.getReader()
    const { value } = await reader.read()
    await reader.cancel()
    expect(spans[1]).toEqual({ name: 'snapshots.export', attributes: { backend: 'memory', bytes: value?.length, aborted: true } })
  })

  test('an export that fails says why', async () => {
    const { spans, trace } = tracer()
    const below = memory()
    await (await openSnapshots(below)).save({ ...ref, state: 'x'.repeat(5_000) })
    const lost = withBlobs(below, (blobs) => ({ get: async (key) => (key.includes('/packs/') ? undefined : await blobs.get(key)) }))
    const snapshots = await openSnapshots(lost, { trace })
    await expect(new Response(snapshots.export()).bytes()).rejects.toMatchObject({ code: 'missing' })
    expect(spans[0]?.attributes.error).toBe('missing')
  })

  test('the state is taken at the call, also by a tracer that begins later', async () => {
    const clock = new ManualClock()
    const later: Trace = async (_name, _attributes, run) => {
      await clock.advance(1)
      return await run(() => {})
    }
    const snapshots = await openSnapshots<{ n: number }>(memory(), { trace: later })
    const state = { n: 1 }
    const saving = snapshots.save({ ...ref, state })
    state.n = 2
    await saving
    expect(await snapshots.load(ref)).toEqual({ n: 1 })
  })
})
