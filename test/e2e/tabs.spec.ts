// Two tabs, or two workers, of one browser on one store.

import { type BrowserContext, expect, type Page, test } from '@playwright/test'
import { ask, openHarness } from './harness/ask.js'
import { browserBackends, type Place } from './harness/backends.js'

interface Tab {
  readonly page: Page
  do<T>(action: string, argument?: object): Promise<T>
}

async function openTab(context: BrowserContext, place: Place, backend: string, store: string): Promise<Tab> {
  const page = await context.newPage()
  await openHarness(page)
  await ask(page, place, 'open', { backend, store })
  return { page, do: <T>(action: string, argument: object = {}) => ask<T>(page, place, action, { store, ...argument }) }
}

for (const { name: backend, places } of browserBackends) {
  const place = places[places.length - 1] as Place
  test.describe(`${backend}, two tabs`, () => {
    test('a lock excludes the other tab, which learns who holds it', async ({ context }) => {
      const [a, b] = [await openTab(context, place, backend, 's'), await openTab(context, place, backend, 's')]
      expect(await a.do('lock', { name: 'l' })).toBe('held')
      expect(await b.do('lock', { name: 'l' })).toBe('refused')
      expect(await b.do('lockOwner', { name: 'l' })).toContain('another tab')
      expect(await a.do('lockOwner', { name: 'l' })).toBe('this tab or worker')
    })

    test('a waiting tab is noticed, then gets the lock with a later token', async ({ context }) => {
      const [a, b] = [await openTab(context, place, backend, 's'), await openTab(context, place, backend, 's')]
      await a.do('lock', { name: 'l' })
      const before = await a.do<{ token: number; contended: boolean }>('lockState', { name: 'l' })
      expect(before.contended).toBe(false)
      expect(await b.do('lock', { name: 'l', wait: true })).toBe('waiting')
      await expect.poll(() => a.do('lockState', { name: 'l' })).toMatchObject({ contended: true, held: true })
      await a.do('unlock', { name: 'l' })
      const after = await b.do<{ token: number; held: boolean }>('lockState', { name: 'l' })
      expect(after.held).toBe(true)
      expect(after.token).toBeGreaterThan(before.token)
    })

    test('a tab that is closed lets its locks go', async ({ context }) => {
      const [a, b] = [await openTab(context, place, backend, 's'), await openTab(context, place, backend, 's')]
      await a.do('lock', { name: 'l' })
      await a.page.close()
      await b.do('lock', { name: 'l', wait: true })
      expect(await b.do('lockState', { name: 'l' })).toMatchObject({ held: true })
    })

    test('a signal wakes the other tab and the sender', async ({ context }) => {
      const [a, b] = [await openTab(context, place, backend, 's'), await openTab(context, place, backend, 's')]
      for (const tab of [a, b]) await tab.do('listen', { topic: 't' })
      await a.do('send', { topic: 't' })
      await a.do('send', { topic: 'another' })
      for (const tab of [a, b]) await expect.poll(() => tab.do('heard', { topic: 't' })).toBe(1)
    })
  })
}

test.describe('indexeddb, two tabs', () => {
  test('of two puts under the condition that the key is absent one wins', async ({ context }) => {
    const [a, b] = [await openTab(context, 'page', 'indexeddb', 's'), await openTab(context, 'page', 'indexeddb', 's')]
    for (let i = 0; i < 50; i++) {
      const race = [a, b].map((tab, n) => tab.do<string>('put', { key: `k${i}`, text: `tab ${n}`, when: 'absent' }))
      const outcomes = await Promise.all(race)
      expect([...outcomes].sort()).toEqual(['conflict', 'stored'])
      expect(await b.do('get', { key: `k${i}` })).toBe(`tab ${outcomes.indexOf('stored')}`)
    }
  })

  test('a page and its worker see the same store', async ({ context }) => {
    const tab = await openTab(context, 'page', 'indexeddb', 's')
    await tab.do('put', { key: 'k', text: 'from the page' })
    await ask(tab.page, 'worker', 'open', { backend: 'indexeddb', store: 's' })
    expect(await ask(tab.page, 'worker', 'get', { store: 's', key: 'k' })).toBe('from the page')
  })
})

test.describe('opfs, ownership', () => {
  test('in a page the first use is unsupported and says what to do', async ({ context }) => {
    const tab = await openTab(context, 'page', 'opfs', 's')
    expect(await tab.do('put', { key: 'k', text: 'x' })).toBe('unsupported')
    expect(await tab.do('get', { key: 'k' })).toBe('unsupported')
    await expect(tab.do('health')).rejects.toThrow(/dedicated worker.*indexedDb\(\)/)
  })

  test('a second worker may read but not change, until the first is closed', async ({ context }) => {
    const [a, b] = [await openTab(context, 'worker', 'opfs', 's'), await openTab(context, 'worker', 'opfs', 's')]
    expect(await a.do('put', { key: 'k', text: 'one' })).toBe('stored')
    expect(await b.do('put', { key: 'k', text: 'two' })).toBe('denied')
    expect(await b.do('get', { key: 'k' })).toBe('one')
    await a.do('close')
    expect(await b.do('put', { key: 'k', text: 'two' })).toBe('stored')
  })

  test('a worker that ended gives the store up', async ({ context }) => {
    const [a, b] = [await openTab(context, 'worker', 'opfs', 's'), await openTab(context, 'worker', 'opfs', 's')]
    await a.do('put', { key: 'k', text: 'one' })
    await a.page.evaluate(() => globalThis.harness.endWorker())
    expect(await b.do('put', { key: 'k', text: 'two' })).toBe('stored')
  })
})
