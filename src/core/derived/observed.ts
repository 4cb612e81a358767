// A backend over another one that tells an observer of every request.

import { asyncDispose } from '../base/async-dispose.js'
import { type Clock, stopwatch } from '../base/clock.js'
import { Closing } from '../base/closing.js'
import type { Backend } from '../ports/backend.js'
import type { LockManager } from '../ports/lock-manager.js'
import type { AsyncDisposal } from '../ports/options.js'
import { belowEncrypted, setBelowEncrypted } from './below-encrypted.js'
import { observedBlobs } from './observed-blobs.js'
import { observedFiles } from './observed-files.js'
import { observedStreams } from './observed-streams.js'
import type { StorageObserver } from './observer.js'
import { RequestWatch } from './request-watch.js'

export interface ObservedOptions {
  /** Tells keys, paths and names too, which may say of whom the data is. Default false. */
  readonly keys?: boolean
  /** For tests. */
  readonly clock?: Pick<Clock, 'now'>
}

/**
 * The same place, of which `observer` is told every request to blobs, files, locks and the backend's own streams when it is
 * done: which, how long, how many bytes, how it ended. Never what was stored, nor a message of an error, which may name it.
 * It has all that the backend has. Over `encrypted(…)` it sees what is asked of the store, below it what is asked of the
 * medium. Closing it closes the backend. Open one of the two only: a backend and an observed one over it are two users of a place.
 */
export function observed(backend: Backend, observer: StorageObserver, options: ObservedOptions = {}): Backend & AsyncDisposal {
  const { keys = false, clock = stopwatch } = options
  const { name, files, streams, locks, signals, sql, requestScoped } = backend
  const watch = new RequestWatch({ backend: name, observer, clock, keys })
  const closing = new Closing(name)
  const close = (): Promise<void> => closing.close(made, () => backend.close())
  const made: Backend & AsyncDisposal = {
    name,
    blobs: observedBlobs(backend.blobs, watch),
    ...(files === undefined ? {} : { files: observedFiles(files, watch) }),
    ...(streams === undefined ? {} : { streams: observedStreams(streams, watch) }),
    ...(locks === undefined ? {} : { locks: observedLocks(locks, watch) }),
    ...(signals === undefined ? {} : { signals }),
    ...(sql === undefined ? {} : { sql }),
    ...(requestScoped === undefined ? {} : { requestScoped }),
    retried(operation, attempt) {
      watch.retried(`blobs.${operation}`, attempt)
      backend.retried?.(operation, attempt)
    },
    health: () => backend.health(),
    close,
    [asyncDispose]: close,
  }
  if (belowEncrypted(backend) !== backend) setBelowEncrypted(made, belowEncrypted(backend))
  return made
}

function observedLocks(below: LockManager, watch: RequestWatch): LockManager {
  return {
    acquire(name, options) {
      const asked = { keys: [name], signal: options?.signal, waits: options?.wait === true }
      return watch.run('locks.acquire', asked, () => below.acquire(name, options))
    },
    owner: (name) => watch.run('locks.owner', { keys: [name] }, () => below.owner(name)),
  }
}
