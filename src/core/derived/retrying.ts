// A remote store fails now and then for a moment. What may be asked again without harm is asked again here, with jittered
// back-off: reads, listings, deletes and unconditional puts. A conditional put is not: its caller settles it by its write id.

import { type BackoffOptions, backOff } from '../base/backoff.js'
import type { Clock } from '../base/clock.js'
import { isStorageError } from '../base/errors.js'
import type { Backend } from '../ports/backend.js'
import type { BlobInfo, BlobStore, ListOptions } from '../ports/blob-store.js'
import { setStoredBlobs, storedBlobs } from './stored-blobs.js'
import { setUnderlay, underlayOf } from './underlay.js'

const MAX_RETRIES = 4
const BACKOFF: BackoffOptions = { firstMs: 50, maxMs: 2_000 }

/** The same backend, patient with `unavailable` where it stands behind a network. */
export function retrying(backend: Backend, clock: Clock): Backend {
  if (backend.blobs.traits.durable !== 'remote') return backend
  const { name, files, streams, locks, signals, sql, requestScoped } = backend
  return {
    name,
    blobs: retryingBlobs(backend.blobs, patienceOf(backend, clock)),
    ...(files === undefined ? {} : { files }),
    ...(streams === undefined ? {} : { streams }),
    ...(locks === undefined ? {} : { locks }),
    ...(signals === undefined ? {} : { signals }),
    ...(sql === undefined ? {} : { sql }),
    ...(requestScoped === undefined ? {} : { requestScoped }),
    health: () => backend.health(),
    close: () => backend.close(),
  }
}

type GiveTime = (attempt: number, error: unknown) => Promise<void>

/** What is to be done before such a request is made again; it throws where that has no point. */
type Patience = (operation: Parameters<Required<Backend>['retried']>[0], signal: AbortSignal | undefined) => GiveTime

function patienceOf(backend: Backend, clock: Clock): Patience {
  return (operation, signal) => async (attempt, error) => {
    if (attempt >= MAX_RETRIES || !isStorageError(error, 'unavailable')) throw error
    await backOff(clock, attempt, BACKOFF, signal)
    backend.retried?.(operation, attempt + 1)
  }
}

function retryingBlobs(blobs: BlobStore, patience: Patience): BlobStore {
  const { batch } = blobs
  const patient: BlobStore = {
    traits: blobs.traits,
    get: (key, options) => retry(patience('get', options?.signal), () => blobs.get(key, options)),
    put: (key, bytes, options) => {
      const put = () => blobs.put(key, bytes, options)
      return options?.when === undefined ? retry(patience('put', options?.signal), put) : put()
    },
    delete: (keys, options) => retry(patience('delete', options?.signal), () => blobs.delete(keys, options)),
    list: (options = {}) => retryingList(blobs, patience('list', options.signal), options),
    ...(batch === undefined ? {} : { batch: (writes, options) => batch.call(blobs, writes, options) }),
  }
  if (storedBlobs(blobs) !== blobs) setStoredBlobs(patient, storedBlobs(blobs))
  const over = underlayOf(blobs)
  if (over !== undefined) setUnderlay(patient, (wrap) => retryingBlobs(over(wrap), patience))
  return patient
}

/** Goes on behind the last key that came. */
async function* retryingList(blobs: BlobStore, giveTime: GiveTime, options: ListOptions): AsyncGenerator<BlobInfo> {
  let { after } = options
  for (let attempt = 0; ; attempt++) {
    try {
      for await (const info of blobs.list(after === undefined ? options : { ...options, after })) {
        yield info
        after = info.key
        attempt = 0
      }
      return
    } catch (error) {
      await giveTime(attempt, error)
    }
  }
}

async function retry<T>(giveTime: GiveTime, task: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await task()
    } catch (error) {
      await giveTime(attempt, error)
    }
  }
}
