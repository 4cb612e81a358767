// LangGraph's own validation of checkpointers, all of it, and ours beside it, on one backend. Its tests stand on the globals of
// the runner.

import { deltaChannelHistoryTests, validate } from '@langchain/langgraph-checkpoint-validation'
import type { Backend } from 'varve'
import { openCheckpointer } from 'varve/integrations/langgraph'
import { type BackendSuiteOptions, type MakeBackend, registerSuite } from 'varve/testing'
import { describe, test } from 'vitest'
import { saverSuite } from './saver-suite.js'

/** Each checkpointer has a place of its own, which `make` gives. */
export function validateSaver(name: string, make: MakeBackend, options: BackendSuiteOptions = {}): void {
  const places = new WeakMap<object, Backend>()
  const createCheckpointer = async () => {
    const backend = await make()
    const saver = await openCheckpointer(backend)
    places.set(saver, backend)
    return saver
  }
  const destroyCheckpointer = async (saver: Awaited<ReturnType<typeof createCheckpointer>>) => {
    await saver.close()
    await places.get(saver)?.close()
  }
  const initializer = { checkpointerName: `varve on ${name}`, createCheckpointer, destroyCheckpointer }
  validate(initializer)
  deltaChannelHistoryTests(initializer)
  describe(name, () => registerSuite(test, saverSuite(make, options)))
}
