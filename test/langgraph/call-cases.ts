// Calls that are repeated, made at once or in an unusual order, and calls that are refused.

import { type CheckpointMetadata, emptyCheckpoint, ERROR, INTERRUPT, uuid6 } from '@langchain/langgraph-checkpoint'
import { openCheckpointer } from 'varve/integrations/langgraph'
import { expectEqual, expectRejects, type SuiteCase } from 'varve/testing'
import { chain, idOf, keysOfWrites, latest, listed, put, type SaverCase, THREAD, valuesAt } from './saver-scene.js'

export function callCases(saverCase: SaverCase): readonly SuiteCase[] {
  return [
    saverCase('a write that is put again stays as it was, errors and interrupts are replaced', async (saver) => {
      const config = await put(saver, {})
      await saver.putWrites(
        config,
        [
          ['a', 1],
          ['b', 2],
        ],
        'task',
      )
      await saver.putWrites(config, [['a', 'other']], 'task')
      await saver.putWrites(config, [[INTERRUPT, 'first']], 'task')
      await saver.putWrites(
        config,
        [
          [INTERRUPT, 'second'],
          [ERROR, 'e'],
        ],
        'task',
      )
      const expected = [
        ['task', INTERRUPT, 'second'],
        ['task', ERROR, 'e'],
        ['task', 'a', 1],
        ['task', 'b', 2],
      ]
      expectEqual((await saver.getTuple(config))?.pendingWrites as unknown[], expected)
    }),
    saverCase('writes come in the order of path, task and index', async (saver) => {
      const config = await put(saver, {})
      await saver.putWrites(config, [['c', 1]], 'a', '~b')
      await saver.putWrites(
        config,
        [
          ['c', 2],
          ['c', 3],
        ],
        'b',
        '~a\u{1f600}',
      )
      await saver.putWrites(config, [['c', 4]], 'c', '~a\uffee')
      await saver.putWrites(config, [['c', 5]], 'z')
      expectEqual(
        (await saver.getTuple(config))?.pendingWrites?.map(([, , value]) => value),
        [5, 4, 2, 3, 1],
      )
    }),
    saverCase('writes of many tasks at once, before their checkpoint is put', async (saver) => {
      const id = uuid6(0)
      const config = { configurable: { ...latest().configurable, checkpoint_id: id } }
      const tasks = Array.from({ length: 12 }, (_, n) => `task-${String(n).padStart(2, '0')}`)
      await Promise.all(tasks.map((task) => saver.putWrites(config, [['c', task]], task)))
      await put(saver, { id })
      expectEqual(
        (await saver.getTuple(latest()))?.pendingWrites,
        tasks.map((task) => [task, 'c', task] as [string, string, unknown]),
      )
    }),
    saverCase('a checkpoint that is put again is replaced and listed once', async (saver) => {
      const id = uuid6(0)
      await put(saver, { id, values: { n: 1 } })
      await put(saver, { id, values: { n: 2 } })
      expectEqual(await listed(saver, latest()), [id])
      expectEqual(await valuesAt(saver, latest()), { n: 2 })
    }),
    saverCase('the latest is the one that was put last, whatever clocks say', async (saver) => {
      const newer = await put(saver, { id: '2' })
      await put(saver, { on: newer, id: '1' })
      expectEqual(idOf((await saver.getTuple(latest()))?.config), '1')
      expectEqual(await listed(saver, latest()), ['1', '2'])
    }),
    saverCase('lists by metadata, before a checkpoint and up to a limit', async (saver) => {
      for (const id of ['1', '2', '3', '4']) {
        await put(saver, { id, metadata: { step: Number(id) % 2, tags: { odd: id } } as Partial<CheckpointMetadata> })
      }
      expectEqual(await listed(saver, latest(), { filter: { step: 1 } }), ['3', '1'])
      expectEqual(await listed(saver, latest(), { filter: { tags: { odd: '2' } } }), ['2'])
      expectEqual(await listed(saver, latest(), { before: { configurable: { checkpoint_id: '3' } }, limit: 1 }), ['2'])
      expectEqual(await listed(saver, latest(), { limit: 0 }), [])
      expectEqual(await listed(saver, { configurable: { thread_id: THREAD, checkpoint_id: '2' } }), ['2'])
    }),
    saverCase('a deleted thread is gone with its writes, others stay', async (saver, backend) => {
      await chain(saver, 2)
      await chain(saver, 1, { ns: 'sub:1' })
      const [other] = await chain(saver, 1, { thread: 'other' })
      await saver.deleteThread(THREAD)
      await saver.deleteThread('never there')
      expectEqual(await listed(saver, { configurable: { thread_id: THREAD } }), [])
      expectEqual(await keysOfWrites(backend), 0)
      expectEqual(await listed(saver, {}), [idOf(other)])
      expectEqual((await saver.getTuple(latest('other')))?.pendingWrites?.length, 1)
    }),
    saverCase('agents share nothing', async (saver, backend) => {
      const other = await openCheckpointer(backend, { agent: 'other' })
      const config = await put(saver, { values: { n: 1 } })
      await saver.putWrites(config, [['n', 2]], 'task')
      expectEqual(await other.getTuple(config), undefined)
      expectEqual(await listed(other, {}), [])
      await other.deleteThread(THREAD)
      expectEqual((await saver.getTuple(config))?.pendingWrites?.length, 1)
      await other.close()
    }),
    saverCase('what cannot be done is refused', async (saver, backend) => {
      await expectRejects(openCheckpointer(backend, { keepLast: 0 }), 'invalid')
      await expectRejects(openCheckpointer(backend, { agent: '' }), 'invalid')
      await expectRejects(put(saver, { thread: '' }), 'invalid')
      await expectRejects(saver.put({}, emptyCheckpoint(), { source: 'loop', step: 0, parents: {} }, {}), 'invalid')
      await expectRejects(saver.putWrites(latest(), [['a', 1]], 'task'), 'invalid')
      await expectRejects(saver.getTuple({ configurable: { thread_id: 7 } }), 'invalid')
      await saver.close()
      await expectRejects(saver.getTuple(latest()), 'closed')
    }),
  ]
}
