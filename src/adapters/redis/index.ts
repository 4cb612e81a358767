// A Redis server behind a client that the user made: blobs, locks, wake-ups, and queues as native streams.

import { asyncDispose } from '../../core/base/async-dispose.js'
import { systemClock } from '../../core/base/clock.js'
import { Closing } from '../../core/base/closing.js'
import { StorageError } from '../../core/base/errors.js'
import { checkKeyPrefix } from '../../core/base/key-prefix.js'
import type { Backend, StorageHealth } from '../../core/ports/backend.js'
import type { AsyncDisposal } from '../../core/ports/options.js'
import { RedisBlobs } from './blobs.js'
import { isIoRedis, type RedisClientLike } from './client.js'
import { Connection } from './connection.js'
import { NAME } from './errors.js'
import { readHealth } from './health.js'
import { Keys } from './keys.js'
import { RedisLocks } from './locks.js'
import { RedisSignals } from './signals.js'
import { RedisStreams } from './streams.js'
import { duplicateOf, subscriberOver } from './subscriber.js'

export type { IoRedisLike, IoRedisSubscriberLike, NodeRedisLike, NodeRedisSubscriberLike, RedisClientLike } from './client.js'

const DEFAULT_PREFIX = 'varve:'
const DEFAULT_LEASE_MS = 15_000

export interface RedisOptions {
  /** A client of the package `redis`, connected, or of `ioredis`. It stays the caller's: it is never closed here. */
  readonly client: RedisClientLike
  /** A second client, for messages alone. Without it a duplicate of `client` is made when it is needed, and ended by `close()`. */
  readonly subscriber?: RedisClientLike
  /** Before every key and channel, so that several stores, or other data, can share the server; default `varve:`. At most 256 UTF-8 bytes. */
  readonly prefix?: string
  /** After so long without a sign of life a lock goes to the next, ms; default 15 000. */
  readonly leaseMs?: number
}

/**
 * A backend over a Redis server from 7.0 on (older: `unsupported`). Does no I/O before its first use. A resolved write is
 * `remote`: the server acknowledged it; what it keeps when it dies is its `appendfsync`, see docs/redis.md.
 * Throws `invalid` for what is no client, a client with a key prefix of its own, or a prefix that is too long, and
 * `unsupported` for a client of a cluster.
 */
export function redis(options: RedisOptions): Backend & AsyncDisposal {
  checkOptions(options)
  return new RedisBackend(options)
}

function checkOptions({ client, subscriber = client, prefix = DEFAULT_PREFIX, leaseMs = DEFAULT_LEASE_MS }: RedisOptions): void {
  const at = { backend: NAME, operation: 'redis' }
  for (const one of [client, subscriber]) {
    if (typeof one !== 'object' || one === null || (!isIoRedis(one) && typeof one.sendCommand !== 'function')) {
      throw new StorageError(
        'invalid',
        'expected a client: redis({ client: await createClient().connect() }) or redis({ client: new Redis() })',
        {
          ...at,
          facts: { got: typeof one },
        },
      )
    }
    const { isCluster, options: own, slots } = one as { isCluster?: boolean; options?: { keyPrefix?: string }; slots?: unknown }
    if (isCluster === true || slots !== undefined) {
      throw new StorageError('unsupported', 'a cluster is not supported; use one server, with replicas', {
        ...at,
        facts: { feature: 'cluster' },
      })
    }
    if (own?.keyPrefix) {
      throw new StorageError('invalid', 'the client has a key prefix of its own; give redis() the prefix instead', {
        ...at,
        facts: { keyPrefix: own.keyPrefix },
      })
    }
  }
  checkKeyPrefix(prefix, at)
  if (!(leaseMs > 0)) throw new StorageError('invalid', 'leaseMs is a positive number of milliseconds', { ...at, facts: { leaseMs } })
}

class RedisBackend implements Backend, AsyncDisposal {
  readonly name = NAME
  readonly blobs: RedisBlobs
  readonly streams: RedisStreams
  readonly locks: RedisLocks
  readonly signals: RedisSignals
  readonly #connection: Connection
  readonly #prefix: string
  readonly #closing = new Closing(NAME)
  #lastDurableWrite: number | undefined

  constructor({ client, subscriber, prefix = DEFAULT_PREFIX, leaseMs = DEFAULT_LEASE_MS }: RedisOptions) {
    const connection = new Connection(client)
    const keys = new Keys(prefix)
    const { checkOpen } = this.#closing
    const onStored = (): void => {
      this.#lastDurableWrite = systemClock.now()
    }
    this.#connection = connection
    this.#prefix = prefix
    this.blobs = new RedisBlobs({ connection, keys, checkOpen, onStored })
    this.signals = new RedisSignals({
      connection,
      subscriber: () => (subscriber === undefined ? duplicateOf(client) : subscriberOver(subscriber)),
      channelOf: (topic) => keys.channel(topic),
    })
    this.streams = new RedisStreams({ connection, keys, blobs: this.blobs, signals: this.signals, checkOpen, onStored })
    this.locks = new RedisLocks({ connection, keys, signals: this.signals, leaseMs, checkOpen })
  }

  async health(): Promise<StorageHealth> {
    this.#closing.checkOpen('health')
    return {
      backend: NAME,
      location: `a Redis server, keys below ${this.#prefix}`,
      chosen: 'redis({ client }) was passed in',
      ephemeral: false,
      durability: 'remote',
      wipeGuard: 'none',
      lastDurableWrite: this.#lastDurableWrite,
      ...(await readHealth(this.#connection)),
    }
  }

  close(): Promise<void> {
    return this.#closing.close(this, async () => {
      await this.locks.close()
      this.signals.close()
    })
  }

  [asyncDispose](): Promise<void> {
    return this.close()
  }
}
