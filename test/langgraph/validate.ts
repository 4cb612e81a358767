// LangGraph's own validation of checkpointers, all of it, and ours beside it, on one backend. Its tests stand on the globals of
// a runner, and so does this.

import { deltaChannelHistoryTests, validate } from '@langchain/langgraph-checkpoint-validation'
import type { Backend } from 'varve'
import { openCheckpointer } from 'varve/integrations/langgraph'
import { type BackendSuiteOptions, type MakeBackend, registerSuite, type TestFunction } from 'varve/testing'
import { saverSuite } from './saver-suite.js'

export interface ValidationOptions extends BackendSuiteOptions {
  /** What is done with the place of a backend that was closed; default nothing. */
  readonly destroy?: (backend: Backend) => Promise<void>
}

/** Each checkpointer has a place of its own, which `make` gives. */
export function validateSaver(name: string, make: MakeBackend, options: ValidationOptions = {}): void {
  const places = new WeakMap<object, Backend>()
  const createCheckpointer = async () => {
    const backend = await make()
    const saver = await openCheckpointer(backend)
    places.set(saver, backend)
    return saver
  }
  const destroyCheckpointer = async (saver: Awaited<ReturnType<typeof createCheckpointer>>) => {
    const backend = places.get(saver) as Backend
    await saver.close()
    await backend.close()
    await options.destroy?.(backend)
  }
  const initializer = { checkpointerName: `varve on ${name}`, createCheckpointer, destroyCheckpointer }
  validate(initializer)
  deltaChannelHistoryTests(initializer)
  const { describe, test } = globalThis as unknown as { describe(name: string, body: () => void): void; test: TestFunction }
  describe(name, () => registerSuite(test, saverSuite(make, options)))
}
