import { DeltaSnapshot, emptyCheckpoint, uuid6 } from '@langchain/langgraph-checkpoint'
import { expectEqual, type SuiteCase } from 'varve/testing'
import { chain, type Config, idOf, keysOfWrites, latest, listed, put, type SaverCase, THREAD, valuesAt } from './saver-scene.js'

export function retentionCases(saverCase: SaverCase): readonly SuiteCase[] {
  return [
    saverCase(
      'the last checkpoints of each thread and namespace stay, with their writes',
      async (saver, backend) => {
        const kept = await chain(saver, 5)
        const inner = await chain(saver, 4, { ns: 'inner' })
        await chain(saver, 1, { thread: 'other' })
        expectEqual(await listed(saver, latest()), [idOf(kept[4]), idOf(kept[3])])
        expectEqual(await listed(saver, latest(THREAD, 'inner')), [idOf(inner[3]), idOf(inner[2])])
        expectEqual((await listed(saver, latest('other'))).length, 1)
        expectEqual(await keysOfWrites(backend), 4)
        expectEqual(await valuesAt(saver, latest()), { count: 4 })
      },
      { keepLast: 2 },
    ),
    saverCase(
      'a fork whose origin was removed is whole',
      async (saver) => {
        const root = await put(saver, { values: { messages: ['hi'], kept: 'same' } })
        const left = await put(saver, { on: root, values: { messages: ['left'], kept: 'same' } })
        const right = await put(saver, { on: root, values: { messages: ['right'], kept: 'same' } })
        expectEqual(await saver.getTuple(root), undefined)
        expectEqual(await valuesAt(saver, left), { messages: ['left'], kept: 'same' })
        expectEqual(await valuesAt(saver, right), { messages: ['right'], kept: 'same' })
        expectEqual((await saver.getTuple(right))?.parentConfig, root)
      },
      { keepLast: 2 },
    ),
    saverCase(
      'what a delta channel is rebuilt from stays until its value is stored again',
      async (saver) => {
        const lacking = { counters_since_delta_snapshot: { messages: [1, 1] as [number, number] } }
        const step = async (on: Config, write: number) => {
          await saver.putWrites(on, [['messages', [write]]], 'task')
          const checkpoint = { ...emptyCheckpoint(), id: uuid6(0), channel_versions: { messages: write } }
          return await saver.put(on, checkpoint, { source: 'loop', step: write, parents: {}, ...lacking }, { messages: write })
        }
        const before = await put(saver, { values: { messages: ['before'] } })
        const seed = await put(saver, { on: before, values: { messages: new DeltaSnapshot([0]) } })
        let config = seed
        for (const write of [1, 2, 3]) config = await step(config, write)
        const { messages } = await saver.getDeltaChannelHistory({ config, channels: ['messages'] })
        expectEqual((messages?.seed as DeltaSnapshot | undefined)?.value, [0])
        expectEqual(messages?.writes.map(([, , value]) => value) as unknown[], [[1], [2], [3]])
        expectEqual((await listed(saver, latest())).length, 4)
        await put(saver, { on: config, values: { messages: new DeltaSnapshot([0, 1, 2, 3]) } })
        expectEqual((await listed(saver, latest())).length, 1)
      },
      { keepLast: 1 },
    ),
    saverCase(
      'the namespace of a run of a subgraph goes with the checkpoint it ran under',
      async (saver, backend) => {
        let on: Config | undefined
        for (const run of ['1', '2', '3']) {
          on = await put(saver, on === undefined ? {} : { on })
          const outer = idOf(on) as string
          await chain(saver, 1, { ns: `sub:${run}`, metadata: { parents: { '': outer } } })
          const inner = idOf((await saver.getTuple(latest(THREAD, `sub:${run}`)))?.config) as string
          await chain(saver, 1, { ns: `sub:${run}|deep:${run}`, metadata: { parents: { '': outer, [`sub:${run}`]: inner } } })
          if (run === '1') await chain(saver, 1, { ns: 'stateful', metadata: { parents: { '': outer } } })
        }
        const namespaces = new Set<string>()
        for await (const { config } of saver.list({ configurable: { thread_id: THREAD } }))
          namespaces.add(config.configurable?.checkpoint_ns)
        expectEqual([...namespaces].sort(), ['', 'stateful', 'sub:3', 'sub:3|deep:3'])
        expectEqual(await keysOfWrites(backend), 3)
      },
      { keepLast: 1 },
    ),
  ]
}
