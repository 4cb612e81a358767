// A conformance suite is data: a list of named cases that any test runner, or none, can run in any runtime.

import type { Backend } from '../core/ports/backend.js'

/** One behaviour that an implementation must show. `run` rejects when it does not. */
export interface SuiteCase {
  readonly name: string
  run(): Promise<void>
}

/** What `test`, `it` and the like of the common runners accept. */
export type TestFunction = (name: string, run: () => Promise<void>) => unknown

/** Makes an open backend over a place that holds nothing yet. Every call gives a place of its own. */
export type MakeBackend = () => Promise<Backend>

export interface BackendSuiteOptions {
  /**
   * Another backend object over the same place; the one given may be open or closed. Absent where the data dies with
   * the object: the cases that need it are then left out.
   */
  readonly reopen?: (backend: Backend) => Promise<Backend>
}

/** Hands every case to the runner: `registerSuite(test, blobStoreSuite(make))`. */
export function registerSuite(test: TestFunction, cases: readonly SuiteCase[]): void {
  for (const one of cases) test(one.name, () => one.run())
}

/** A case that gets a backend of its own, closed afterwards whatever happens. */
export function backendCase(name: string, make: MakeBackend, body: (backend: Backend) => Promise<void>): SuiteCase {
  return {
    name,
    async run() {
      const backend = await make()
      try {
        await body(backend)
      } finally {
        await backend.close()
      }
    },
  }
}
