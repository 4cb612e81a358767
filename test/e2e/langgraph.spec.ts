// LangGraph's validation of checkpointers, and our cases beside it, in a real Chromium: on IndexedDB in a page and on OPFS in a
// dedicated worker. All of a backend run in one go, because the validation's tests share what comes before them; each is a test
// here.

import { expect, test as base } from '@playwright/test'
import type {} from './harness/langgraph-worker.js'
import { validationOn } from './harness/langgraph-validation.js'

const LIMIT_MS = 240_000

type Results = (backend: string) => Promise<readonly (string | null)[]>

const test = base.extend<object, { results: Results }>({
  results: [
    async ({ browser }, use) => {
      const page = await browser.newPage({ baseURL: `http://127.0.0.1:${process.env.VARVE_E2E_PORT}` })
      await page.goto('/langgraph')
      await page.waitForFunction(() => globalThis.validation !== undefined)
      const found = new Map<string, Promise<readonly (string | null)[]>>()
      const run: Results = (backend) =>
        page.evaluate((name) => (name === 'opfs' ? globalThis.validation.inWorker(name) : globalThis.validation.here(name)), backend)
      await use((backend) => {
        const results = found.get(backend) ?? run(backend)
        found.set(backend, results)
        return results
      })
      await page.close()
    },
    { scope: 'worker' },
  ],
})

for (const backend of ['indexeddb', 'opfs']) {
  test.describe(`a checkpointer on ${backend}`, () => {
    test.describe.configure({ mode: 'default', timeout: LIMIT_MS })
    for (const [index, { name }] of validationOn(backend).entries()) {
      test(`${index} ${name}`, async ({ results }) => {
        expect((await results(backend))[index]).toBeNull()
      })
    }
  })
}
