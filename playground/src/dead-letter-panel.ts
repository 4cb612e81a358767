// Records that used up their deliveries: why, and the way back.

import { deadLetterOf, type Queue, returnDeadLetters, type StoredRecord } from 'varve'
import { coalesce } from './coalesce.js'
import { byId, element } from './dom.js'
import { count, plural } from './format.js'
import type { Order } from './orders.js'
import { onPress } from './report.js'

const SHOWN = 5

export function startDeadLetters(deadLetters: Queue<Order>, orders: Queue<Order>): void {
  const note = byId('dead-note')
  const refresh = coalesce(async () => {
    const letters = await deadLetters.read({ from: { last: SHOWN } })
    byId('dead-letters').replaceChildren(...letters.map(lineOf).reverse())
    byId('dead-total').textContent = count((await deadLetters.stats()).buckets[0]?.next ?? 0)
  })
  onPress(byId<HTMLButtonElement>('put-back'), async () => {
    const { returned } = await returnDeadLetters(deadLetters, orders)
    note.textContent =
      returned === 0 ? 'There is nothing to put back.' : `Put back ${plural(returned, 'record')}, at the end of their buckets.`
  })
  deadLetters.watch(refresh)
  refresh()
}

function lineOf(record: StoredRecord<Order>): HTMLLIElement {
  const letter = deadLetterOf(record)
  const place = letter === undefined ? '–' : `${letter.bucket}:${count(letter.offset)}`
  const why = letter === undefined ? '' : `${letter.group}, ${plural(letter.deliveries, 'delivery', 'deliveries')}: ${letter.reason}`
  return element(
    'li',
    {},
    element('span', { class: 'place', text: place }),
    element('span', { class: 'what' }, element('strong', { text: record.value.customer }), ` ${record.value.item}`),
    element('span', { class: 'origin', text: why }),
  )
}
