// What was received and is not settled yet, each with the time it is still hidden from others.

import type { Delivery } from 'varve'
import { button, element } from './dom.js'
import { count } from './format.js'
import type { Order } from './orders.js'
import { run } from './report.js'

const SHOWN = 12
/** How long a record rests that is given back here. */
const REST_MS = 3000

export class DeliveryList {
  readonly #list: HTMLElement
  readonly #visibilityMs: number
  readonly #maxDeliveries: number

  constructor(list: HTMLElement, visibilityMs: number, maxDeliveries: number) {
    this.#list = list
    this.#visibilityMs = visibilityMs
    this.#maxDeliveries = maxDeliveries
  }

  add(delivery: Delivery<Order>, group: string, changed: () => void): void {
    const place = `${delivery.bucket}:${count(delivery.offset)}`
    const state = element('span', { class: 'state' })
    const actions = element('span', { class: 'actions' })
    const row = element(
      'li',
      { data: { state: 'hidden', offset: `${delivery.bucket}:${delivery.offset}` } },
      element('span', { class: 'place', text: place, title: 'bucket : offset' }),
      element('span', { class: 'what' }, element('strong', { text: delivery.value.customer }), ` ${delivery.value.item}`),
      element('span', { class: 'origin', text: `${group}, delivery ${delivery.deliveries} of ${this.#maxDeliveries}` }),
      state,
      actions,
      element('span', { class: 'fuse', attributes: { 'aria-hidden': 'true' } }),
    )
    row.style.setProperty('--fuse', `${this.#visibilityMs}ms`)
    const settle = (name: string, text: string): void => {
      row.dataset.state = name
      state.textContent = text
      actions.replaceChildren()
    }
    const expire = setTimeout(() => settle('expired', 'expired: will be delivered again'), this.#visibilityMs)
    const acknowledge = async (): Promise<void> => {
      await delivery.ack()
      clearTimeout(expire)
      settle('acked', 'acknowledged')
      changed()
    }
    const giveBack = async (): Promise<void> => {
      await delivery.nack({ delayMs: REST_MS, reason: 'given back by hand' })
      clearTimeout(expire)
      if (delivery.deliveries < this.#maxDeliveries) settle('rests', `given back: free again in ${REST_MS / 1000} seconds`)
      else settle('dead', 'its last delivery: a dead letter now')
      changed()
    }
    const leave = (): void => {
      actions.replaceChildren()
      row.dataset.state = 'left'
      state.textContent = 'left alone until it expires'
    }
    actions.append(
      button('Ack', `Acknowledge ${place}`, () => run(acknowledge)),
      button('Give back', `Give ${place} back`, () => run(giveBack)),
      button('Let expire', `Let ${place} expire`, leave),
    )
    this.#list.prepend(row)
    while (this.#list.childElementCount > SHOWN) this.#list.lastElementChild?.remove()
  }
}
