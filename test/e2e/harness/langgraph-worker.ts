// The same file is the page's script and its worker's: told a backend, it runs the validation there and gives the results.

import { chai, JestAsymmetricMatchers, JestChaiExpect, JestExtend } from '@vitest/expect'
import { runTests } from './langgraph-runner.js'
import { validationOn } from './langgraph-validation.js'

for (const plugin of [JestExtend, JestChaiExpect, JestAsymmetricMatchers]) chai.use(plugin)
Object.assign(globalThis, { expect: Object.assign(chai.expect, { soft: chai.expect }) })

const run = (backend: string): Promise<(string | null)[]> => runTests(validationOn(backend))

if ('document' in globalThis) {
  const runInWorker = (backend: string): Promise<(string | null)[]> => {
    const worker = new Worker('/langgraph-worker.js', { type: 'module' })
    const ended = new Promise<(string | null)[]>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data)
      worker.onerror = ({ message }) => reject(new Error(message))
    })
    worker.postMessage(backend)
    return ended.finally(() => worker.terminate())
  }
  Object.assign(globalThis, { validation: { here: run, inWorker: runInWorker } })
} else {
  onmessage = async ({ data }: MessageEvent<string>) => postMessage(await run(data))
}

export interface ValidationPage {
  here(backend: string): Promise<(string | null)[]>
  inWorker(backend: string): Promise<(string | null)[]>
}

declare global {
  var validation: ValidationPage
}
