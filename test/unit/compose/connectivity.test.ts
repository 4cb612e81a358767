// What an outbox learns from its surroundings: a page, a service worker, or neither.

import { afterEach, expect, test, vi } from 'vitest'
import { connectivityHere } from '../../../dist/core/compose/connectivity.js'

afterEach(() => {
  vi.unstubAllGlobals()
})

test('where nothing is known, sending is tried, and nobody wakes', async () => {
  vi.stubGlobal('navigator', undefined)
  vi.stubGlobal('addEventListener', undefined)
  vi.stubGlobal('removeEventListener', undefined)
  const connectivity = connectivityHere()
  expect(connectivity.isOnline()).toBe(true)
  connectivity.listen(() => expect.unreachable())()
  await connectivity.requestSync('orders')
})

test('a page says that it is offline, and its online event wakes until nobody listens', () => {
  const page = new EventTarget()
  const navigator = { onLine: false }
  vi.stubGlobal('navigator', navigator)
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page))
  vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page))
  const connectivity = connectivityHere()
  expect(connectivity.isOnline()).toBe(false)
  let wakes = 0
  const stop = connectivity.listen(() => wakes++)
  navigator.onLine = true
  page.dispatchEvent(new Event('online'))
  expect([connectivity.isOnline(), wakes]).toEqual([true, 1])
  stop()
  page.dispatchEvent(new Event('online'))
  expect(wakes).toBe(1)
})

test('background sync is registered with the page’s service worker, or with the own one', async () => {
  const tags: string[] = []
  const registration = { sync: { register: async (tag: string) => void tags.push(tag) } }
  vi.stubGlobal('navigator', { serviceWorker: { getRegistration: async () => registration } })
  await connectivityHere().requestSync('of a page')
  vi.stubGlobal('navigator', {})
  vi.stubGlobal('registration', registration)
  await connectivityHere().requestSync('of a worker')
  expect(tags).toEqual(['of a page', 'of a worker'])
})

test('a platform that refuses background sync does not fail the outbox', async () => {
  vi.stubGlobal('navigator', { serviceWorker: { getRegistration: async () => Promise.reject(new Error('not allowed')) } })
  await expect(connectivityHere().requestSync('orders')).resolves.toBeUndefined()
  const refusing = { sync: { register: async () => Promise.reject(new Error('permission denied')) } }
  vi.stubGlobal('registration', refusing)
  await expect(connectivityHere().requestSync('orders')).resolves.toBeUndefined()
})
