// Orders go into a queue of this browser, whether there is a network or not. The outbox sends them, one after the other, from
// whichever tab is the sender; closing the page, or a server that is away, only makes them late.

import { openQueue, openStore, outbox, StorageError } from 'varve'

const store = await openStore('shop')
const orders = await openQueue(store, 'orders', {
  key: () => 'orders', // one line, in the order of the clicks
  durability: 'strict', // an order that was sent keeps its number, also when the power fails
})

const box = await outbox(orders, send, { backoff: { firstMs: 200, maxMs: 10_000 } })
box.watch(() => show().catch(console.error))
orders.watch(() => show().catch(console.error))
await show()

document.querySelector('form').addEventListener('submit', (event) => {
  event.preventDefault()
  order(event.target).catch((error) => alert(error.message))
})

async function order(form) {
  const { item } = Object.fromEntries(new FormData(form))
  await orders.append({ item, at: new Date().toISOString() })
  form.reset()
}

/** The outbox gives every record an id that is the same in every try; its offset is the number of this page's order. */
async function send({ value: order, offset: sequence }, { id, signal }) {
  const page = id.slice(0, id.indexOf('/'))
  const response = await fetch('/orders', { method: 'POST', body: JSON.stringify({ page, sequence, order }), signal })
  if (response.status === 400) throw new StorageError('invalid', await response.text()) // never again
  if (!response.ok) throw new StorageError('unavailable', `the server answers ${response.status}`)
}

async function show() {
  document.querySelector('#waiting').textContent = String(await box.waiting())
  document.querySelector('#status').textContent = box.state.status
}
