// The tests' side of the harness.

import type { Page } from '@playwright/test'
import type { Place } from './backends.js'

/** Opens the test page. */
export async function openHarness(page: Page): Promise<void> {
  await page.goto('/')
  await page.waitForFunction(() => globalThis.harness !== undefined)
}

/** Lets the page, or its worker, do something; rejects with what it threw. */
export function ask<T>(page: Page, place: Place, action: string, argument?: unknown): Promise<T> {
  const request = { place, action, argument }
  const answer = page.evaluate(({ place, action, argument }) => {
    return place === 'page' ? globalThis.harness.here(action, argument) : globalThis.harness.inWorker(action, argument)
  }, request)
  return answer as Promise<T>
}
