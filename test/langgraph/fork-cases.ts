// Forks: LangGraph's validation has no test of them, and savers that key values by version hand out the wrong branch.

import { emptyCheckpoint } from '@langchain/langgraph-checkpoint'
import { openSnapshots } from 'varve'
import { expectEqual, type SuiteCase } from 'varve/testing'
import { latest, listed, put, type SaverCase, THREAD, valuesAt } from './saver-scene.js'

export function forkCases(saverCase: SaverCase): readonly SuiteCase[] {
  return [
    saverCase('two forks of one checkpoint stay apart', async (saver) => {
      const root = await put(saver, { values: { messages: ['hi'], kept: 'same' } })
      const left = await put(saver, { on: root, values: { messages: ['hi', 'left'], kept: 'same' } })
      const right = await put(saver, { on: root, values: { messages: ['hi', 'right'], kept: 'same' } })
      const leaf = await put(saver, { on: left, values: { messages: ['hi', 'left', 'leaf'], kept: 'same' } })
      expectEqual(await valuesAt(saver, left), { messages: ['hi', 'left'], kept: 'same' })
      expectEqual(await valuesAt(saver, right), { messages: ['hi', 'right'], kept: 'same' })
      expectEqual(await valuesAt(saver, leaf), { messages: ['hi', 'left', 'leaf'], kept: 'same' })
      expectEqual(await valuesAt(saver, root), { messages: ['hi'], kept: 'same' })
      expectEqual((await saver.getTuple(right))?.parentConfig, root)
      expectEqual((await saver.getTuple(leaf))?.parentConfig, left)
    }),
    saverCase('writes on two forks stay apart', async (saver) => {
      const root = await put(saver, { values: { messages: [] } })
      const [left, right] = [await put(saver, { on: root }), await put(saver, { on: root })]
      await saver.putWrites(left, [['messages', 'left']], 'task')
      await saver.putWrites(right, [['messages', 'right']], 'task')
      expectEqual((await saver.getTuple(left))?.pendingWrites, [['task', 'messages', 'left']])
      expectEqual((await saver.getTuple(right))?.pendingWrites, [['task', 'messages', 'right']])
    }),
    saverCase('forks put at the same time are all there', async (saver) => {
      const root = await put(saver, { values: { n: -1 } })
      const forks = await Promise.all([0, 1, 2, 3].map((n) => put(saver, { on: root, values: { n } })))
      for (const [n, fork] of forks.entries()) expectEqual(await valuesAt(saver, fork), { n })
      expectEqual((await listed(saver, latest())).length, 5)
    }),
    saverCase('a copy of a first checkpoint has its values', async (saver) => {
      const values = { messages: ['hi'] }
      await put(saver, { values })
      const checkpoint = { ...emptyCheckpoint(), channel_values: values, channel_versions: { messages: 1 } }
      const copy = await saver.put(latest(), checkpoint, { source: 'fork', step: 1, parents: {} }, {})
      expectEqual(await valuesAt(saver, copy), values)
    }),
    saverCase('a fork is a fork among the snapshots too', async (saver, backend) => {
      const root = await put(saver, {})
      await put(saver, { on: root })
      await put(saver, { on: root })
      const snapshots = await openSnapshots(backend)
      const parents: (readonly string[])[] = []
      let first: string | undefined
      for await (const info of snapshots.list({ agent: 'langgraph', session: THREAD })) {
        if (info.index === 0) first = info.id
        else parents.push(info.parents)
      }
      expectEqual(parents, [[first as string], [first as string]])
      await snapshots.close()
    }),
  ]
}
