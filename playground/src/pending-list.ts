// What the chosen group has delivered, and nobody acknowledged yet.

import type { Group, PendingRecord } from 'varve'
import { element } from './dom.js'
import { count } from './format.js'
import type { Order } from './orders.js'

const SHOWN = 8

export class PendingList {
  readonly #summary: HTMLElement
  readonly #list: HTMLElement

  constructor(details: HTMLDetailsElement) {
    this.#summary = details.querySelector('summary') as HTMLElement
    this.#list = details.querySelector('ul') as HTMLElement
  }

  async draw(group: Group<Order>): Promise<void> {
    const pending = await group.pending({ limit: SHOWN + 1 })
    const more = pending.length > SHOWN
    this.#summary.textContent = `Pending in ${group.name}: ${more ? `more than ${SHOWN}` : pending.length}`
    this.#list.replaceChildren(...pending.slice(0, SHOWN).map(lineOf))
  }
}

function lineOf({ bucket, offset, consumer, idleMs, deliveries, reason }: PendingRecord): HTMLLIElement {
  const who =
    deliveries === 0
      ? 'waits for another of its key'
      : `${consumer}, ${deliveries === 1 ? 'once' : `${deliveries} times`}, idle for ${(idleMs / 1000).toFixed(1)} s`
  return element(
    'li',
    { data: { offset: `${bucket}:${offset}` } },
    element('span', { class: 'place', text: `${bucket}:${count(offset)}` }),
    element('span', { class: 'origin', text: reason === undefined ? who : `${who}: ${reason}` }),
  )
}
