// Real graphs: interrupted, gone on with from another process's view of the store, forked, and kept small.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Annotation, Command, DeltaChannel, END, interrupt, START, StateGraph } from '@langchain/langgraph'
import { MemorySaver } from '@langchain/langgraph-checkpoint'
import { nodeFs } from 'varve/adapters/node-fs'
import { openCheckpointer, type Checkpointer } from 'varve/integrations/langgraph'
import { afterAll, expect, test } from 'vitest'

const root = mkdtempSync(join(tmpdir(), 'varve-graph-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const State = Annotation.Root({
  notes: Annotation<string[]>({ reducer: (all, more) => [...all, ...more], default: () => [] }),
})

const thread = { configurable: { thread_id: 'thread' } }

function asking(checkpointer: Checkpointer) {
  return new StateGraph(State)
    .addNode('draft', () => ({ notes: ['draft'] }))
    .addNode('review', () => ({ notes: [`review: ${interrupt('good?')}`] }))
    .addEdge(START, 'draft')
    .addEdge('draft', 'review')
    .addEdge('review', END)
    .compile({ checkpointer })
}

test('a graph that was interrupted goes on in another process', async () => {
  const directory = join(root, 'interrupted')
  const first = nodeFs({ directory })
  const asked = await asking(await openCheckpointer(first)).invoke({ notes: ['input'] }, thread)
  expect(asked).toMatchObject({ notes: ['input', 'draft'], __interrupt__: [{ value: 'good?' }] })
  await first.close()

  const second = nodeFs({ directory })
  const graph = asking(await openCheckpointer(second))
  expect((await graph.getState(thread)).next).toEqual(['review'])
  expect(await graph.invoke(new Command({ resume: 'yes' }), thread)).toEqual({ notes: ['input', 'draft', 'review: yes'] })
  await second.close()
})

test('two answers to one question are two branches of the thread', async () => {
  const backend = nodeFs({ directory: join(root, 'forked') })
  const graph = asking(await openCheckpointer(backend))
  await graph.invoke({ notes: ['input'] }, thread)
  const question = (await graph.getState(thread)).config
  const answer = async (resume: string) => {
    const fork = await graph.updateState(question, { notes: [`before ${resume}`] }, 'draft')
    await graph.invoke(new Command({ resume }), fork)
    return (await graph.getState(thread)).config
  }
  const [yes, no] = [await answer('yes'), await answer('no')]
  const notesAt = async (config: typeof yes) => (await graph.getState(config)).values.notes
  expect(await notesAt(yes)).toEqual(['input', 'draft', 'before yes', 'review: yes'])
  expect(await notesAt(no)).toEqual(['input', 'draft', 'before no', 'review: no'])
  expect(await notesAt(question)).toEqual(['input', 'draft'])
  await backend.close()
})

test.each(['sync', 'async', 'exit'] as const)('a thread with subgraphs keeps its last checkpoints, durability %s', async (durability) => {
  const backend = nodeFs({ directory: join(root, `kept-${durability}`) })
  const checkpointer = await openCheckpointer(backend, { keepLast: 2 })
  const inner = new StateGraph(State)
    .addNode('look', () => ({ notes: ['looked'] }))
    .addEdge(START, 'look')
    .compile()
  const graph = new StateGraph(State)
    .addNode('inner', async () => ({ notes: (await inner.invoke({ notes: [] })).notes }))
    .addEdge(START, 'inner')
    .compile({ checkpointer })
  for (let round = 0; round < 5; round++) await graph.invoke({ notes: [`round ${round}`] }, { ...thread, durability })
  const { notes } = (await graph.getState(thread)).values
  expect(notes).toEqual([0, 1, 2, 3, 4].flatMap((round) => [`round ${round}`, 'looked']))
  const kept = new Map<string, number>()
  for await (const { config } of checkpointer.list(thread)) {
    const ns: string = config.configurable?.checkpoint_ns
    kept.set(ns, (kept.get(ns) ?? 0) + 1)
  }
  expect(kept.get('')).toBe(2)
  expect(Math.max(...kept.values())).toBe(2)
  expect(kept.size).toBeLessThanOrEqual(3)
  await backend.close()
})

test.each(['sync', 'async', 'exit'] as const)(
  'what is rebuilt from deltas is whole with few checkpoints kept, durability %s',
  async (durability) => {
    const backend = nodeFs({ directory: join(root, `delta-${durability}`) })
    const checkpointer = await openCheckpointer(backend, { keepLast: 1 })
    const channel = () =>
      new DeltaChannel<string[], string[]>((all, more) => [...all, ...more.flat()], { snapshotFrequency: 4, initialValueFactory: () => [] })
    const DeltaState = Annotation.Root({ notes: channel, step: Annotation<number>() })
    const graphOn = (saver: Checkpointer | MemorySaver) =>
      new StateGraph(DeltaState)
        .addNode('first', () => ({ notes: ['first'] }))
        .addNode('second', () => ({ step: 2 }))
        .addEdge(START, 'first')
        .addEdge('first', 'second')
        .compile({ checkpointer: saver })
    const [graph, reference] = [graphOn(checkpointer), graphOn(new MemorySaver())]
    for (let round = 0; round < 12; round++) {
      for (const one of [graph, reference]) await one.invoke({ notes: [`round ${round}`] }, { ...thread, durability })
      const { values } = await graph.getState(thread)
      expect(values).toEqual((await reference.getState(thread)).values)
      expect(values.notes).toHaveLength(2 * (round + 1))
    }
    let kept = 0
    for await (const _ of checkpointer.list(thread)) kept++
    expect(kept).toBeLessThan(24)
    await backend.close()
  },
)
