// What the store asks of the browser, as `metrics()` counts it: by operation since the page was opened.

import type { Trace } from 'varve'
import { metrics, type OperationMetrics, type StorageObserver } from 'varve/observe'
import { byId, element } from './dom.js'
import { bytes, count, milliseconds } from './format.js'

/** Thousands of requests are one drawing. */
const REDRAW_MS = 300

export interface Counting {
  readonly observer: StorageObserver
  readonly trace: Trace
}

export function startRequests(): Counting {
  const counted = metrics()
  let isDue = false
  const changed = (): void => {
    if (isDue) return
    isDue = true
    setTimeout(() => {
      isDue = false
      draw(counted.read())
    }, REDRAW_MS)
  }
  const observer: StorageObserver = {
    request(request) {
      counted.request(request)
      changed()
    },
    retry(retry) {
      counted.retry(retry)
      changed()
    },
  }
  return { observer, trace: counted.trace }
}

function draw(operations: readonly OperationMetrics[]): void {
  byId('requests-rows').replaceChildren(...operations.map(rowOf))
  const ofStorage = operations.filter(({ operation }) => !operation.startsWith('snapshots.'))
  byId('requests-total').textContent = count(ofStorage.reduce((sum, { requests }) => sum + requests, 0))
}

function rowOf({ operation, requests, errors, latencySeconds, transferSizeBytes }: OperationMetrics): HTMLTableRowElement {
  const failed = Object.entries(errors).map(([code, times]) => `${count(times)} ${code}`)
  const mean = latencySeconds.count === 0 ? '–' : milliseconds((latencySeconds.sum * 1_000) / latencySeconds.count)
  const carried = transferSizeBytes.count === 0 ? '–' : bytes(transferSizeBytes.sum)
  const cells = [count(requests), mean, carried, failed.join(', ')]
  const name = element('th', { attributes: { scope: 'row' } }, element('code', { text: operation }))
  return element('tr', { data: { operation } }, name, ...cells.map((text) => element('td', { text })))
}
