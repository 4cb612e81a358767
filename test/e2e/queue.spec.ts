// One queue, several tabs.

import { expect, test } from '@playwright/test'
import { ask, openHarness } from './harness/ask.js'

interface Event {
  readonly writer: string
  readonly n: number
}

const COUNT = 200

for (const callers of [1, 16]) {
  test(`indexeddb: two tabs append to one queue at once, ${callers} callers each; offsets are dense and nothing is lost`, async ({
    context,
  }) => {
    const tabs = [await context.newPage(), await context.newPage()]
    for (const tab of tabs) await openHarness(tab)
    const request = (writer: number) => ({ backend: 'indexeddb', store: 'two-tabs', writer: `tab ${writer}`, count: COUNT, callers })
    const offsets = await Promise.all(tabs.map((tab, i) => ask<readonly number[]>(tab, 'page', 'appendRecords', request(i))))
    const all = offsets.flat().sort((a, b) => a - b)
    expect(all).toEqual(Array.from({ length: 2 * COUNT }, (_, i) => i))
    const events = await ask<readonly Event[]>(tabs[0] as never, 'page', 'readQueue', { backend: 'indexeddb', store: 'two-tabs' })
    for (const writer of ['tab 0', 'tab 1']) {
      const own = events.filter((event) => event.writer === writer).map(({ n }) => n)
      expect(callers === 1 ? own : [...own].sort((a, b) => a - b)).toEqual(Array.from({ length: COUNT }, (_, i) => i))
    }
  })
}

for (const ordering of ['none', 'key'] as const) {
  test(`indexeddb: three tabs share a group, ordering: ${ordering}; each record is worked on once, and none is left`, async ({
    context,
  }) => {
    const tabs = [await context.newPage(), await context.newPage(), await context.newPage()]
    for (const tab of tabs) await openHarness(tab)
    const place = { backend: 'indexeddb', store: `shared-group-${ordering}` }
    await ask(tabs[0] as never, 'page', 'appendRecords', { ...place, writer: 'tab 0', count: COUNT, callers: 1 })
    const worked = await Promise.all(
      tabs.map((tab) => ask<readonly number[]>(tab, 'page', 'workOff', { ...place, ordering, count: COUNT })),
    )
    expect(worked.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: COUNT }, (_, i) => i))
  })
}
