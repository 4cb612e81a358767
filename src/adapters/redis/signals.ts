// Wake-ups by pub/sub, one channel a topic. Listeners of this object are woken without the server's help.

import { systemClock } from '../../core/base/clock.js'
import { localSignals } from '../../core/derived/local-signals.js'
import type { SignalBus } from '../../core/ports/signal-bus.js'
import type { Connection } from './connection.js'
import type { Subscriber } from './subscriber.js'

/** A channel without listeners is kept for a while: those who wait again and again do not subscribe each time. */
const LINGER_MS = 10_000
/** After a failed subscription, which costs latency only. */
const RETRY_MS = 1_000

export interface RedisSignalsOptions {
  readonly connection: Connection
  /** Called once, at the first use. */
  readonly subscriber: () => Subscriber
  readonly channelOf: (topic: string) => string
}

interface Channel {
  listeners: number
  isSubscribed: boolean
  cancel: () => void
}

export class RedisSignals implements SignalBus {
  readonly #options: RedisSignalsOptions
  readonly #local = localSignals()
  readonly #channels = new Map<string, Channel>()
  #subscriber: Subscriber | undefined
  #closed = false

  constructor(options: RedisSignalsOptions) {
    this.#options = options
  }

  send(topic: string): void {
    if (this.#closed) return
    this.#local.send(topic)
    const { connection, channelOf } = this.#options
    connection.command(['PUBLISH', channelOf(topic), ''], 'signal').catch(() => {}) // a lost signal costs latency only
  }

  /** For who has a script publish the topic. */
  wakeHere(topic: string): void {
    this.#local.send(topic)
  }

  listen(topic: string, wake: () => void): () => void {
    const stop = this.#local.listen(topic, wake)
    if (this.#closed) return stop
    const channel = this.#channels.get(topic) ?? { listeners: 0, isSubscribed: false, cancel: () => {} }
    this.#channels.set(topic, channel)
    channel.cancel()
    if (++channel.listeners === 1 && !channel.isSubscribed) void this.#subscribe(topic, channel)
    let isListening = true
    return () => {
      stop()
      if (!isListening) return
      isListening = false
      if (--channel.listeners === 0) this.#letGoLater(topic, channel)
    }
  }

  close(): void {
    this.#closed = true
    for (const channel of this.#channels.values()) channel.cancel()
    this.#channels.clear()
    this.#subscriber?.close()
  }

  /** What was sent before the subscription stood is not known: all listeners look once. */
  async #subscribe(topic: string, channel: Channel): Promise<void> {
    channel.isSubscribed = true
    try {
      this.#subscriber ??= this.#options.subscriber()
      await this.#subscriber.subscribe(this.#options.channelOf(topic), () => this.#local.send(topic))
      this.#local.send(topic)
    } catch {
      channel.isSubscribed = false
      if (this.#closed || channel.listeners === 0) return
      channel.cancel = systemClock.after(RETRY_MS, () => void this.#subscribe(topic, channel))
    }
  }

  #letGoLater(topic: string, channel: Channel): void {
    if (this.#closed) return
    channel.cancel()
    channel.cancel = systemClock.after(LINGER_MS, () => {
      this.#channels.delete(topic)
      if (channel.isSubscribed) this.#subscriber?.unsubscribe(this.#options.channelOf(topic)).catch(() => {})
    })
  }
}
