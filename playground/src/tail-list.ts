// New records as they come, from this tab and from others. Drawn once a frame, because a thousand may come at once.

import type { Queue, StoredRecord } from 'varve'
import { byId, element } from './dom.js'
import { count, time } from './format.js'
import { type Order, TAB } from './orders.js'
import { run } from './report.js'

const SHOWN = 60

export function startTail(orders: Queue<Order>): void {
  const list = byId('tail')
  list.replaceChildren(element('li', { class: 'empty', text: 'Nothing yet. Append a record, here or in another tab.' }))
  let waiting: StoredRecord<Order>[] = []
  const draw = (): void => {
    const newest = waiting.slice(-SHOWN).reverse()
    waiting = []
    list.querySelector('.empty')?.remove()
    list.prepend(...newest.map(lineOf))
    while (list.childElementCount > SHOWN) list.lastElementChild?.remove()
  }
  run(async () => {
    for await (const record of orders.tail({ from: { last: 10 } })) {
      if (waiting.push(record) === 1) setTimeout(draw, 16)
      if (waiting.length > 2 * SHOWN) waiting = waiting.slice(-SHOWN)
    }
  })
}

function lineOf(record: StoredRecord<Order>): HTMLLIElement {
  const mine = record.value.tab === TAB
  return element(
    'li',
    { data: { offset: `${record.bucket}:${record.offset}` } },
    element('span', { class: 'place', text: `${record.bucket}:${count(record.offset)}`, title: 'bucket : offset' }),
    element('span', { class: 'what' }, element('strong', { text: record.value.customer }), ` ${record.value.item}`),
    element('span', { class: 'origin', text: mine ? 'this tab' : `tab ${record.value.tab}` }),
    element('time', { text: time(record.timestamp), attributes: { datetime: new Date(record.timestamp).toISOString() } }),
  )
}
