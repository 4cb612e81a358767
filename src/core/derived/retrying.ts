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
    blobs: retryingBlobs(backend.blobs, clock),
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

function retryingBlobs(blobs: BlobStore, clock: Clock): BlobStore {
  const { batch } = blobs
  const patient: BlobStore = {
    traits: blobs.traits,
    get: (key, options) => retry(clock, options?.signal, () => blobs.get(key, options)),
    put: (key, bytes, options) =>
      options?.when === undefined ? retry(clock, options?.signal, () => blobs.put(key, bytes, options)) : blobs.put(key, bytes, options),
    delete: (keys, options) => retry(clock, options?.signal, () => blobs.delete(keys, options)),
    list: (options) => retryingList(blobs, clock, options),
    ...(batch === undefined ? {} : { batch: (writes, options) => batch.call(blobs, writes, options) }),
  }
  if (storedBlobs(blobs) !== blobs) setStoredBlobs(patient, storedBlobs(blobs))
  const over = underlayOf(blobs)
  if (over !== undefined) setUnderlay(patient, (wrap) => retryingBlobs(over(wrap), clock))
  return patient
}

/** Goes on behind the last key that came. */
async function* retryingList(blobs: BlobStore, clock: Clock, options: ListOptions = {}): AsyncGenerator<BlobInfo> {
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
      if (attempt >= MAX_RETRIES || !isStorageError(error, 'unavailable')) throw error
      await backOff(clock, attempt, BACKOFF, options.signal)
    }
  }
}

async function retry<T>(clock: Clock, signal: AbortSignal | undefined, task: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await task()
    } catch (error) {
      if (attempt >= MAX_RETRIES || !isStorageError(error, 'unavailable')) throw error
      await backOff(clock, attempt, BACKOFF, signal)
    }
  }
}
