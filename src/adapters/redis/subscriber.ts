// Channels of either client. Messages need a connection of their own: one that the user set apart, which stays open, or a
// duplicate of the client, made at first use and ended with the backend.

import { type IoRedisLike, type IoRedisSubscriberLike, isIoRedis, type NodeRedisSubscriberLike, type RedisClientLike } from './client.js'

export interface Subscriber {
  /** Resolves when messages arrive from now on. */
  subscribe(channel: string, onMessage: () => void): Promise<unknown>
  unsubscribe(channel: string): Promise<unknown>
  /** Ends the connection if it was made here. */
  close(): void
}

/** A connection like the client's. */
export function duplicateOf(client: RedisClientLike): Subscriber {
  if (isIoRedis(client)) {
    const own = client.duplicate()
    own.on('error', ignore)
    return new IoRedisSubscriber(own, () => own.disconnect())
  }
  const own = client.duplicate()
  own.on('error', ignore)
  return new NodeRedisSubscriber(own, {
    connect: () => own.connect(),
    close: () => own.destroy(),
  })
}

/** The client that the user set apart. */
export function subscriberOver(client: RedisClientLike): Subscriber {
  return isIoRedis(client)
    ? new IoRedisSubscriber(client, ignore)
    : new NodeRedisSubscriber(client, { connect: async () => {}, close: ignore })
}

/** Signals may be lost: both clients connect again and subscribe again by themselves. */
function ignore(): void {}

class NodeRedisSubscriber implements Subscriber {
  readonly #client: Pick<NodeRedisSubscriberLike, 'subscribe' | 'unsubscribe'>
  readonly #ends: { readonly connect: () => Promise<unknown>; readonly close: () => void }
  readonly #listeners = new Map<string, () => void>()
  #connected: Promise<unknown> | undefined

  constructor(
    client: Pick<NodeRedisSubscriberLike, 'subscribe' | 'unsubscribe'>,
    ends: { connect: () => Promise<unknown>; close: () => void },
  ) {
    this.#client = client
    this.#ends = ends
  }

  async subscribe(channel: string, onMessage: () => void): Promise<void> {
    this.#connected ??= this.#ends.connect()
    await this.#connected
    this.#listeners.set(channel, onMessage)
    await this.#client.subscribe(channel, onMessage)
  }

  async unsubscribe(channel: string): Promise<void> {
    const listener = this.#listeners.get(channel)
    this.#listeners.delete(channel)
    if (listener !== undefined) await this.#client.unsubscribe(channel, listener)
  }

  close(): void {
    if (this.#connected !== undefined) this.#ends.close()
  }
}

class IoRedisSubscriber implements Subscriber {
  readonly #client: IoRedisLike | IoRedisSubscriberLike
  readonly #end: () => void
  readonly #listeners = new Map<string, () => void>()

  constructor(client: IoRedisLike | IoRedisSubscriberLike, end: () => void) {
    this.#client = client
    this.#end = end
    client.on('message', this.#onMessage)
  }

  readonly #onMessage = (channel: string): void => {
    this.#listeners.get(channel)?.()
  }

  async subscribe(channel: string, onMessage: () => void): Promise<void> {
    this.#listeners.set(channel, onMessage)
    await this.#client.subscribe(channel)
  }

  async unsubscribe(channel: string): Promise<void> {
    if (this.#listeners.delete(channel)) await this.#client.unsubscribe(channel)
  }

  close(): void {
    this.#client.off('message', this.#onMessage)
    this.#end()
  }
}
