// Wake-ups between the tabs and workers of an origin. A BroadcastChannel does not deliver to itself, so the listeners of
// this object are woken directly; those of other objects in the same page hear the channel like everyone else.

import { Latch } from '../../core/base/latch.js'
import type { SignalBus } from '../../core/ports/signal-bus.js'

/** A SignalBus over one BroadcastChannel, which is opened at the first use. */
export class WebSignals implements SignalBus {
  readonly #channelName: string
  readonly #topics = new Map<string, Latch>()
  #channel: BroadcastChannel | undefined
  #closed = false

  /** Buses of the same channel name hear each other. */
  constructor(channelName: string) {
    this.#channelName = channelName
  }

  send(topic: string): void {
    if (this.#closed) return
    this.#open()?.postMessage(topic)
    queueMicrotask(() => this.#topics.get(topic)?.wake())
  }

  listen(topic: string, wake: () => void): () => void {
    this.#open()
    const latch = this.#topics.get(topic) ?? new Latch()
    this.#topics.set(topic, latch)
    const stop = latch.listen(wake)
    return () => {
      stop()
      if (latch.waiting === 0 && this.#topics.get(topic) === latch) this.#topics.delete(topic)
    }
  }

  /** Nobody is woken any more. */
  close(): void {
    this.#closed = true
    this.#topics.clear()
    this.#channel?.close()
    this.#channel = undefined
  }

  #open(): BroadcastChannel | undefined {
    if (this.#closed || this.#channel !== undefined) return this.#channel
    const channel = new BroadcastChannel(this.#channelName)
    channel.onmessage = (event: MessageEvent<unknown>) => {
      if (typeof event.data === 'string') this.#topics.get(event.data)?.wake()
    }
    this.#channel = channel
    return channel
  }
}
