import { expect, test } from 'vitest'
import { Closing } from '../../../dist/core/base/closing.js'
import { addDependent } from '../../../dist/core/base/dependents.js'

function place() {
  const closing = new Closing('shelf')
  const owner = {}
  const events: string[] = []
  const state = (): string => {
    try {
      closing.checkOpen('put')
      return 'open'
    } catch {
      return 'closed'
    }
  }
  const dependent = (name: string, close: () => Promise<void> = async () => {}) =>
    addDependent(owner, {
      close: () => {
        events.push(`${name} while ${state()}`)
        return close()
      },
    })
  const close = () => closing.close(owner, () => void events.push(`let go while ${state()}`))
  return { closing, events, dependent, close, state }
}

test('what was opened last is closed first, with the backend still open; then calls are refused', async () => {
  const { closing, events, dependent, close } = place()
  dependent('queue')
  dependent('group')
  await close()
  expect(events).toEqual(['group while open', 'queue while open', 'let go while closed'])
  expect(() => closing.checkOpen('put')).toThrow(expect.objectContaining({ code: 'closed', backend: 'shelf', operation: 'put' }))
})

test('a second close waits for the first and does nothing more', async () => {
  const { events, close } = place()
  await Promise.all([close(), close()])
  await close()
  expect(events).toEqual(['let go while closed'])
})

test('a failure of what was opened on it is told, after everything was let go', async () => {
  const { events, dependent, close, state } = place()
  dependent('queue')
  dependent('group', () => Promise.reject(new Error('the last write failed')))
  await expect(close()).rejects.toThrow('the last write failed')
  expect(events).toEqual(['group while open', 'queue while open', 'let go while closed'])
  expect(state()).toBe('closed')
})
