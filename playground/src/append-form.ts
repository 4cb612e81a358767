// Puts records in and shows the receipt.

import type { Queue } from 'varve'
import { byId } from './dom.js'
import { count, milliseconds, plural } from './format.js'
import { type Order, orderOf, randomOrders } from './orders.js'
import { onPress, onSubmit } from './report.js'

const MANY = 1000

export function startAppending(orders: Queue<Order>): void {
  const note = byId('receipt')
  onSubmit(byId<HTMLFormElement>('append'), async (data) => {
    const order = orderOf(String(data.get('customer')).trim(), String(data.get('item')))
    const begun = performance.now()
    const receipt = await orders.append(order)
    const spent = milliseconds(performance.now() - begun)
    note.textContent = `Stored ${order.customer} at bucket ${receipt.bucket}, offset ${count(receipt.offset)}, in ${spent}; durability: ${receipt.durability}.`
  })
  onPress(byId<HTMLButtonElement>('append-many'), async () => {
    const begun = performance.now()
    const receipts = await orders.appendMany(randomOrders(MANY))
    const spent = milliseconds(performance.now() - begun)
    const buckets = new Set(receipts.map(({ bucket }) => bucket)).size
    note.textContent = `Stored ${plural(receipts.length, 'record')} in ${plural(buckets, 'bucket')}, in ${spent}; durability: ${receipts[0]?.durability}.`
  })
}
