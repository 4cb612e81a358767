// An R2 bucket bound to a Worker: strongly consistent, with conditional puts, so that queues, snapshots and keys all work
// on it with any number of Workers writing. Open it in each request: a binding belongs to the request that it came with.

import { asyncDispose } from '../../core/base/async-dispose.js'
import { systemClock } from '../../core/base/clock.js'
import { Closing } from '../../core/base/closing.js'
import { StorageError } from '../../core/base/errors.js'
import { checkKeyPrefix } from '../../core/base/key-prefix.js'
import type { Backend, StorageHealth } from '../../core/ports/backend.js'
import type { AsyncDisposal } from '../../core/ports/options.js'
import { R2Blobs } from './blobs.js'
import type { R2BucketLike } from './bucket.js'
import { NAME } from './errors.js'

export type { R2BucketLike, R2ObjectBodyLike, R2ObjectLike, R2ObjectsLike } from './bucket.js'

export interface R2Options {
  /** The binding: `env.BUCKET`. */
  readonly bucket: R2BucketLike
  /** Put before every key, so that several stores, or other data, can share the bucket: `shop/`. At most 256 UTF-8 bytes. */
  readonly prefix?: string
}

/**
 * A backend over an R2 binding. Does no I/O before its first use and keeps nothing between requests. A resolved write is
 * `remote`: R2 acknowledged it. R2 takes one write a second on one key; core spreads and repeats what exceeds it.
 * Throws `invalid` when `bucket` is not a binding or the prefix is too long.
 */
export function r2(options: R2Options): Backend & AsyncDisposal {
  checkOptions(options)
  return new R2Backend(options.bucket, options.prefix ?? '')
}

function checkOptions({ bucket, prefix }: R2Options): void {
  if (typeof bucket?.put !== 'function' || typeof bucket.head !== 'function') {
    throw new StorageError('invalid', 'bucket is not an R2 binding; write r2({ bucket: env.BUCKET }) and bind BUCKET in wrangler.toml', {
      backend: NAME,
      operation: 'r2',
      facts: { got: typeof bucket },
    })
  }
  checkKeyPrefix(prefix ?? '', { backend: NAME, operation: 'r2' })
}

class R2Backend implements Backend, AsyncDisposal {
  readonly name = NAME
  readonly requestScoped = true
  readonly blobs: R2Blobs
  readonly #prefix: string
  readonly #closing = new Closing(NAME)
  #lastDurableWrite: number | undefined

  constructor(bucket: R2BucketLike, prefix: string) {
    this.#prefix = prefix
    const onStored = (): void => {
      this.#lastDurableWrite = systemClock.now()
    }
    this.blobs = new R2Blobs({ bucket, prefix, checkOpen: this.#closing.checkOpen, onStored })
  }

  async health(): Promise<StorageHealth> {
    this.#closing.checkOpen('health')
    return {
      backend: NAME,
      location: this.#prefix === '' ? 'an R2 bucket' : `an R2 bucket, keys below ${this.#prefix}`,
      chosen: 'r2({ bucket }) was passed in',
      persisted: true,
      ephemeral: false,
      durability: 'remote',
      wipeGuard: 'none',
      lastDurableWrite: this.#lastDurableWrite,
      warnings: ['one write a second on one key: group state and key-value updates of one key are limited to that, appends are not'],
    }
  }

  close(): Promise<void> {
    return this.#closing.close(this)
  }

  [asyncDispose](): Promise<void> {
    return this.close()
  }
}
