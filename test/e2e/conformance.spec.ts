// Every case of every suite, in a page and in a dedicated worker of a real Chromium, a test each.

import { expect, type Page, test as base } from '@playwright/test'
import { ask, openHarness } from './harness/ask.js'
import { browserBackends } from './harness/backends.js'
import { casesOf, runsOf, suites } from './harness/suites.js'

const test = base.extend<object, { sharedPage: Page }>({
  sharedPage: [
    async ({ browser }, use) => {
      const page = await browser.newPage({ baseURL: `http://127.0.0.1:${process.env.VARVE_E2E_PORT}` })
      await openHarness(page)
      await use(page)
      await page.close()
    },
    { scope: 'worker' },
  ],
})

for (const backend of browserBackends) {
  for (const suite of suites) {
    for (const place of runsOf(suite, backend)) {
      test.describe(`${backend.name}, ${place}, ${suite.name}`, () => {
        for (const { name } of casesOf(suite, backend).cases) {
          test(name, async ({ sharedPage }) => {
            const failure = await ask<string | undefined>(sharedPage, place, 'runCase', { backend: backend.name, suite: suite.name, name })
            expect(failure).toBeUndefined()
          })
        }
      })
    }
  }
}
