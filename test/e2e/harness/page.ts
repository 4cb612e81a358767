// The test page: `harness.here(action, argument)` does it in the page, `harness.inWorker` in a dedicated worker.

import { actions } from './actions.js'

interface Answer {
  readonly id: number
  readonly value?: unknown
  readonly failure?: string
}

export interface Harness {
  here(action: string, argument: unknown): Promise<unknown>
  inWorker(action: string, argument: unknown): Promise<unknown>
  endWorker(): void
}

class PageHarness implements Harness {
  #worker: Worker | undefined
  #count = 0
  readonly #waiting = new Map<number, (answer: Answer) => void>()

  async here(action: string, argument: unknown): Promise<unknown> {
    return actions[action]?.(argument)
  }

  inWorker(action: string, argument: unknown): Promise<unknown> {
    this.#worker ??= this.#start()
    const id = this.#count++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ value, failure }) => (failure === undefined ? resolve(value) : reject(new Error(failure))))
      this.#worker?.postMessage({ id, action, argument })
    })
  }

  endWorker(): void {
    this.#worker?.terminate()
    this.#worker = undefined
  }

  #start(): Worker {
    const worker = new Worker('/worker.js', { type: 'module' })
    worker.onmessage = (event: MessageEvent<Answer>) => {
      this.#waiting.get(event.data.id)?.(event.data)
      this.#waiting.delete(event.data.id)
    }
    worker.onerror = (event) => console.error(`worker: ${event.message}`)
    return worker
  }
}

declare global {
  var harness: Harness
}

globalThis.harness = new PageHarness()
