// A KV namespace bound to a Worker: cheap reads near every user, eventually consistent, last write wins. For keys that are
// read often and written seldom; queues and snapshots need conditional puts and are refused with `unsupported`.

import { asyncDispose } from '../../core/base/async-dispose.js'
import { type Clock, systemClock } from '../../core/base/clock.js'
import { Closing } from '../../core/base/closing.js'
import { StorageError } from '../../core/base/errors.js'
import { checkKeyPrefix } from '../../core/base/key-prefix.js'
import type { Backend, StorageHealth } from '../../core/ports/backend.js'
import type { AsyncDisposal } from '../../core/ports/options.js'
import { KvBlobs } from './blobs.js'
import { NAME } from './errors.js'
import type { KvNamespaceLike } from './namespace.js'

export type { KvListPageLike, KvNamespaceLike } from './namespace.js'

export interface CloudflareKvOptions {
  /** The binding: `env.KV`. */
  readonly namespace: KvNamespaceLike
  /** Put before every key, so that several stores, or other data, can share the namespace: `shop/`. At most 256 UTF-8 bytes. */
  readonly prefix?: string
  /** Decides which expiry times KV is told; default: the system's. */
  readonly clock?: Clock
}

/**
 * A backend over a KV binding, for `openKv` and what stands on it. Does no I/O before its first use. A resolved write is
 * `remote`; other places may see the old value, or that there was none, for a minute or more. `put` with a condition is
 * `unsupported`. Throws `invalid` when `namespace` is not a binding or the prefix is too long.
 */
export function cloudflareKv(options: CloudflareKvOptions): Backend & AsyncDisposal {
  checkOptions(options)
  return new KvBackend(options)
}

function checkOptions({ namespace, prefix }: CloudflareKvOptions): void {
  if (typeof namespace?.getWithMetadata !== 'function' || typeof namespace.put !== 'function') {
    throw new StorageError(
      'invalid',
      'namespace is not a KV binding; write cloudflareKv({ namespace: env.KV }) and bind KV in wrangler.toml',
      {
        backend: NAME,
        operation: 'cloudflareKv',
        facts: { got: typeof namespace },
      },
    )
  }
  checkKeyPrefix(prefix ?? '', { backend: NAME, operation: 'cloudflareKv' })
}

class KvBackend implements Backend, AsyncDisposal {
  readonly name = NAME
  readonly requestScoped = true
  readonly blobs: KvBlobs
  readonly #prefix: string
  readonly #closing = new Closing(NAME)
  #lastDurableWrite: number | undefined

  constructor({ namespace, prefix = '', clock = systemClock }: CloudflareKvOptions) {
    this.#prefix = prefix
    const onStored = (): void => {
      this.#lastDurableWrite = clock.now()
    }
    this.blobs = new KvBlobs({ namespace, prefix, clock, checkOpen: this.#closing.checkOpen, onStored })
  }

  async health(): Promise<StorageHealth> {
    this.#closing.checkOpen('health')
    return {
      backend: NAME,
      location: this.#prefix === '' ? 'a KV namespace' : `a KV namespace, keys below ${this.#prefix}`,
      chosen: 'cloudflareKv({ namespace }) was passed in',
      persisted: true,
      ephemeral: false,
      durability: 'remote',
      wipeGuard: 'none',
      lastDurableWrite: this.#lastDurableWrite,
      warnings: [
        'eventually consistent: others may see a write a minute later',
        'no conditional put: the last write wins',
        'one write a second on one key',
      ],
    }
  }

  close(): Promise<void> {
    return this.#closing.close(this)
  }

  [asyncDispose](): Promise<void> {
    return this.close()
  }
}
