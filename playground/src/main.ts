// Opens the store of this browser and gives it to the panels.

import { openQueue, openStore } from 'varve'
import { indexedDb } from 'varve/adapters/indexeddb'
import { observed } from 'varve/observe'
import { startAppending } from './append-form.js'
import { startBuckets } from './bucket-bars.js'
import { startDeadLetters } from './dead-letter-panel.js'
import { byId } from './dom.js'
import { startGroups } from './group-panel.js'
import { type Order, TAB } from './orders.js'
import { run, showError } from './report.js'
import { startRequests } from './requests-panel.js'
import { startSnapshots } from './snapshots/panel.js'
import { startStorage } from './storage-panel.js'
import { STORE } from './store-name.js'
import { startTail } from './tail-list.js'
import { startOverButton } from './start-over.js'
import { startThemes } from './theme.js'

async function start(): Promise<void> {
  const { observer, trace } = startRequests()
  const backend = observed(indexedDb({ name: STORE, chosen: 'the default of browsers, with each request counted' }), observer)
  const opening = openStore(backend)
  startOverButton(backend)
  const store = await opening
  byId('where').textContent = `${store.name} · tab ${TAB}`
  const refreshStorage = startStorage(store)
  const orders = await openQueue<Order>(store, 'orders', { buckets: 4, key: (order) => order.customer })
  const drawBuckets = startBuckets(orders)
  startTail(orders)
  startAppending(orders)
  const deadLetters = await openQueue<Order>(store, 'dead-letters')
  startDeadLetters(deadLetters, orders)
  const refreshGroups = await startGroups(orders, deadLetters, drawBuckets)
  orders.watch((event) => {
    if (event.type === 'rewound') showError(new Error(`group ${event.group} was put back from ${event.from} to ${event.to}`))
    refreshGroups()
    refreshStorage()
  })
  await startSnapshots(store, trace, refreshStorage)
  document.documentElement.dataset.ready = 'true'
}

startThemes()
window.addEventListener('unhandledrejection', (event) => showError(event.reason))
run(start)
