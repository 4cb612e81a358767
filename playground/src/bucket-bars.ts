// A bar a bucket: how far it was written (the high-water mark) and how much of that the chosen group acknowledged.

import type { BucketStats, Queue } from 'varve'
import { byId, element } from './dom.js'
import { bytes, count } from './format.js'
import type { Order } from './orders.js'

interface Bar {
  readonly row: HTMLLIElement
  readonly acked: HTMLElement
  readonly written: HTMLElement
  readonly text: HTMLElement
}

export type DrawBuckets = (group: string, committed: readonly number[]) => Promise<void>

export function startBuckets(orders: Queue<Order>): DrawBuckets {
  const bars = Array.from({ length: orders.buckets }, (_, bucket) => barOf(bucket))
  byId('buckets').replaceChildren(...bars.map(({ row }) => row))
  return async (group, committed) => {
    const { buckets } = await orders.stats()
    const scale = roundUp(Math.max(...buckets.map(({ next }) => next)))
    byId('legend-group').textContent = group
    byId('total').textContent = count(buckets.reduce((sum, { first, next }) => sum + next - first, 0))
    for (const stats of buckets) draw(bars[stats.bucket] as Bar, stats, committed[stats.bucket] ?? 0, scale)
  }
}

function barOf(bucket: number): Bar {
  const acked = element('span', { class: 'acked' })
  const written = element('span', { class: 'written' }, acked)
  const text = element('span', { class: 'figure' })
  const track = element('span', { class: 'track', attributes: { 'aria-hidden': 'true' } }, written)
  const row = element('li', { data: { bucket: String(bucket) } }, element('span', { class: 'name', text: `Bucket ${bucket}` }), track, text)
  return { row, acked, written, text }
}

function draw(bar: Bar, stats: BucketStats, committed: number, scale: number): void {
  bar.written.style.inlineSize = `${(100 * stats.next) / scale}%`
  bar.acked.style.inlineSize = `${stats.next === 0 ? 0 : (100 * Math.min(committed, stats.next)) / stats.next}%`
  bar.row.dataset.next = String(stats.next)
  bar.text.replaceChildren(
    element('strong', { text: count(stats.next) }),
    element('span', { class: 'more', text: ` ${bytes(stats.bytes)}` }),
    element('span', { class: 'unseen', text: `, ${count(committed)} acknowledged` }),
  )
}

/** So that the bars do not all move with every record: 1, 2 or 5 times a power of ten, from 10. */
function roundUp(most: number): number {
  for (let power = 10; ; power *= 10) {
    for (const step of [1, 2, 5]) if (step * power >= most) return step * power
  }
}
