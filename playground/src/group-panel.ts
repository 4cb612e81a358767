// Groups with their lag, one of them chosen: receive from it, acknowledge, give back, let deliveries expire, work it off.

import type { Group, GroupOptions, Queue } from 'varve'
import type { DrawBuckets } from './bucket-bars.js'
import { coalesce } from './coalesce.js'
import { DeliveryList } from './delivery-list.js'
import { byId, element } from './dom.js'
import { count, milliseconds, plural } from './format.js'
import { type Order, TAB } from './orders.js'
import { PendingList } from './pending-list.js'
import { onPress, onSubmit, run } from './report.js'

const VISIBILITY_MS = 5000
const MAX_DELIVERIES = 3
const FIRST_GROUP = 'billing'
/** Acknowledgements in other tabs send no event; lag is asked for this often. */
const REFRESH_MS = 1500
const CONSUMER = `tab ${TAB}`

/** Resolves to how to draw groups and buckets again. */
export async function startGroups(orders: Queue<Order>, deadLetters: Queue<Order>, drawBuckets: DrawBuckets): Promise<() => void> {
  const open = (name: string, options: GroupOptions = {}): Promise<Group<Order>> =>
    orders.group(name, { visibilityMs: VISIBILITY_MS, deadLetters, maxDeliveries: MAX_DELIVERIES, ...options })
  let chosen = await open((await orders.groups())[0] ?? FIRST_GROUP)
  const deliveries = new DeliveryList(byId('deliveries'), VISIBILITY_MS, MAX_DELIVERIES)
  const pending = new PendingList(byId<HTMLDetailsElement>('pending'))
  const refresh = coalesce(async () => {
    await drawBuckets(chosen.name, await chosen.committed())
    await drawGroups(orders, chosen.name, async (name) => choose(await open(name)))
    await pending.draw(chosen)
  })
  const choose = (group: Group<Order>): void => {
    chosen = group
    refresh()
  }
  startActions(() => chosen, deliveries, refresh)
  onSubmit(byId<HTMLFormElement>('new-group'), async (data) => {
    const name = String(data.get('group')).trim()
    const isThere = (await orders.groups()).includes(name) // its order was fixed when it was created
    choose(await open(name, isThere ? {} : { ordering: data.get('ordering') === 'key' ? 'key' : 'none' }))
    byId<HTMLFormElement>('new-group').reset()
  })
  refresh()
  setInterval(() => {
    if (document.visibilityState === 'visible') refresh()
  }, REFRESH_MS)
  return refresh
}

function startActions(chosen: () => Group<Order>, deliveries: DeliveryList, refresh: () => void): void {
  const note = byId('group-note')
  const receive = async (limit: number): Promise<void> => {
    const group = chosen()
    const received = await group.receive({ consumer: CONSUMER, limit })
    note.textContent =
      received.length === 0
        ? `Nothing for ${group.name} now: all is acknowledged, or hidden until it expires.`
        : `${plural(received.length, 'delivery', 'deliveries')} for ${group.name}, hidden from others for 5 seconds.`
    for (const delivery of received) deliveries.add(delivery, group.name, refresh)
    refresh()
  }
  onPress(byId<HTMLButtonElement>('receive'), () => receive(1))
  onPress(byId<HTMLButtonElement>('receive-five'), () => receive(5))
  onPress(byId<HTMLButtonElement>('work-off'), async () => {
    const group = chosen()
    const begun = performance.now()
    note.textContent = `Working off ${group.name}…`
    const { acked } = await group.process(() => {}, { consumer: CONSUMER, concurrency: 64, until: 'empty' })
    note.textContent = `${group.name} acknowledged ${plural(acked, 'record')} in ${milliseconds(performance.now() - begun)}.`
    refresh()
  })
}

/** Rows are kept and changed, not made anew, so that the focus stays where it is. */
async function drawGroups(orders: Queue<Order>, chosen: string, choose: (name: string) => Promise<void>): Promise<void> {
  const box = byId('groups')
  const names = [...(await orders.groups())]
  if (!names.includes(chosen)) names.push(chosen)
  for (const name of names.sort()) {
    const { total } = await (await orders.group(name, { visibilityMs: VISIBILITY_MS })).lag()
    const row = rowOf(box, name, choose)
    const input = row.querySelector('input') as HTMLInputElement
    input.checked = name === chosen
    ;(row.querySelector('.lag') as HTMLElement).textContent = total === 0 ? 'all acknowledged' : `${count(total)} behind`
    row.dataset.lag = String(total)
  }
}

function rowOf(box: HTMLElement, name: string, choose: (name: string) => Promise<void>): HTMLLabelElement {
  const existing = [...box.querySelectorAll('label')].find((row) => row.dataset.group === name)
  if (existing !== undefined) return existing
  const input = element('input', { attributes: { type: 'radio', name: 'group' } })
  input.addEventListener('change', () => run(() => choose(name)))
  const row = element('label', { data: { group: name } }, input, element('span', { text: name }), element('span', { class: 'lag' }))
  box.append(row)
  return row
}
