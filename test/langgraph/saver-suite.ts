// What LangGraph's validation does not ask: forks that stay apart, retention, repeated calls, values of every kind. As data,
// so that it runs in Node, in pages and in workers.

import { openCheckpointer } from 'varve/integrations/langgraph'
import { type BackendSuiteOptions, backendCase, expectEqual, type MakeBackend, type SuiteCase } from 'varve/testing'
import { callCases } from './call-cases.js'
import { forkCases } from './fork-cases.js'
import { retentionCases } from './retention-cases.js'
import { latest, put, saverCases, valuesAt } from './saver-scene.js'
import { valueCases } from './value-cases.js'

export function saverSuite(make: MakeBackend, { reopen }: BackendSuiteOptions = {}): readonly SuiteCase[] {
  const saverCase = saverCases(make)
  const alone = [forkCases, valueCases, callCases, retentionCases].flatMap((cases) => cases(saverCase))
  return [...alone, ...reopenCases(make, reopen)]
}

function reopenCases(make: MakeBackend, reopen: BackendSuiteOptions['reopen']): readonly SuiteCase[] {
  if (reopen === undefined) return []
  return [
    backendCase('saver: forks and writes are there after a restart', make, async (backend) => {
      const saver = await openCheckpointer(backend)
      const root = await put(saver, { values: { messages: ['hi'] } })
      const left = await put(saver, { on: root, values: { messages: ['left'] } })
      const right = await put(saver, { on: root, values: { messages: ['right'] } })
      await saver.putWrites(left, [['messages', 'more']], 'task')
      await backend.close()
      const again = await reopen(backend)
      const reader = await openCheckpointer(again)
      expectEqual(await valuesAt(reader, left), { messages: ['left'] })
      expectEqual(await valuesAt(reader, latest()), { messages: ['right'] })
      expectEqual((await reader.getTuple(right))?.parentConfig, root)
      expectEqual((await reader.getTuple(left))?.pendingWrites, [['task', 'messages', 'more']])
      await again.close()
    }),
  ]
}
