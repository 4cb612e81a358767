// Conditional changes of one key. A lost answer is settled by reading the key again: the write id says whose bytes lie there.

import { backOff, type BackoffOptions } from '../../base/backoff.js'
import type { Clock } from '../../base/clock.js'
import { isStorageError, StorageError } from '../../base/errors.js'
import type { EncodedValue } from '../../codec/codecs.js'
import type { Backend } from '../../ports/backend.js'
import type { PutCondition } from '../../ports/blob-store.js'
import { isLive, openValue, type SealedValue, sealDeletion, sealValue, type StoredValue } from './stored-value.js'

const MAX_ATTEMPTS = 64
const BACKOFF: BackoffOptions = { firstMs: 2, maxMs: 1_000 }
/** After `unavailable`: a platform that limits writes to a key wants a second between them. */
const SLOW_BACKOFF: BackoffOptions = { firstMs: 400, maxMs: 8_000 }

/** One key about to be changed. */
export interface PutTarget {
  readonly backend: Backend
  readonly clock: Clock
  readonly operation: string
  readonly key: string
  readonly blobKey: string
  readonly signal: AbortSignal | undefined
}

export interface UpdateRules<Value> {
  decode(stored: StoredValue): Promise<Value>
  encode(value: Value): EncodedValue
  expiresAt(live: StoredValue | undefined): number | undefined
}

/** Puts under the user's condition. An entry that has expired counts as absent. */
export async function putWhen(
  target: PutTarget,
  sealed: SealedValue,
  when: PutCondition,
  expiresAt: number | undefined,
): Promise<{ readonly version: string }> {
  let condition = when
  if (when !== 'absent') {
    const live = liveOnly(await fetchStored(target), target.clock)
    if (live?.version !== when.version) throw conflict(target, when, live)
  }
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const outcome = await attemptPut(target, sealed, condition, expiresAt)
    if (outcome.stored !== undefined) return outcome.stored
    const { found, error } = outcome
    if (!isStorageError(error, 'conflict')) throw error
    if (when !== 'absent' || liveOnly(found, target.clock) !== undefined) throw conflict(target, when, found, error)
    condition = found === undefined ? 'absent' : { version: found.version }
    if (attempt > 0) await backOff(target.clock, attempt, BACKOFF, target.signal)
  }
  throw tooBusy(target)
}

/** Applies `change` to the newest value until a compare-and-set succeeds. */
export async function updateValue<Value>(
  target: PutTarget,
  change: (value: Value | undefined) => Value | undefined | Promise<Value | undefined>,
  rules: UpdateRules<Value>,
): Promise<Value | undefined> {
  let stored = await fetchStored(target)
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const live = liveOnly(stored, target.clock)
    const next = await change(live === undefined ? undefined : await rules.decode(live))
    if (next === undefined && live === undefined) return undefined
    const expiresAt = next === undefined ? undefined : rules.expiresAt(live)
    const sealed = next === undefined ? sealDeletion() : sealValue(rules.encode(next), expiresAt)
    const outcome = await settlePut(target, sealed, stored, expiresAt)
    if (outcome.stored !== undefined) {
      if (next === undefined) await sweep(target, outcome.stored.version)
      return next
    }
    await backOff(target.clock, attempt, BACKOFF, target.signal)
    stored = await fetchStored(target)
  }
  throw tooBusy(target)
}

/** What the backend has to check for the user's condition to hold; `conflict` where it does not. */
export async function conditionOf(target: PutTarget, when: PutCondition): Promise<PutCondition> {
  const found = await fetchStored(target)
  const live = liveOnly(found, target.clock)
  if (when === 'absent' ? live !== undefined : live?.version !== when.version) throw conflict(target, when, live)
  return found === undefined ? 'absent' : { version: found.version }
}

/** Whether this write is the one that is stored, and its version. */
export async function versionOf(target: PutTarget, { writeId }: SealedValue): Promise<string | undefined> {
  const found = await fetchStored(target)
  return found?.writeId === writeId ? found.version : undefined
}

type PutOutcome =
  | { readonly stored: { readonly version: string } }
  | { readonly stored?: undefined; readonly found: StoredValue | undefined; readonly error: unknown }

/** One conditional put; where it fails, what lies there now decides whether it was ours after all. */
async function attemptPut(target: PutTarget, sealed: SealedValue, when: PutCondition, expiresAt: number | undefined): Promise<PutOutcome> {
  const { backend, blobKey, signal } = target
  try {
    const options = { when, ...(expiresAt === undefined ? {} : { expiresAt }), ...(signal === undefined ? {} : { signal }) }
    return { stored: { version: (await backend.blobs.put(blobKey, sealed.bytes, options)).version } }
  } catch (error) {
    if (!isStorageError(error, 'conflict') && !isStorageError(error, 'unavailable')) throw error
    const found = await fetchStored(target)
    return found?.writeId === sealed.writeId ? { stored: { version: found.version } } : { found, error }
  }
}

/**
 * The same bytes again while an answer is lost and nobody else wrote: they can be applied only once. When somebody did
 * write meanwhile, it cannot be told whether ours was there before.
 */
async function settlePut(
  target: PutTarget,
  sealed: SealedValue,
  seen: StoredValue | undefined,
  expiresAt: number | undefined,
): Promise<PutOutcome> {
  const when: PutCondition = seen === undefined ? 'absent' : { version: seen.version }
  let lost: unknown
  for (let attempt = 0; ; attempt++) {
    const outcome = await attemptPut(target, sealed, when, expiresAt)
    if (outcome.stored !== undefined) return outcome
    const isUnavailable = isStorageError(outcome.error, 'unavailable')
    const isUnchanged = outcome.found?.version === seen?.version
    if (isUnavailable) lost = outcome.error
    if (lost !== undefined && !isUnchanged) throw unknownOutcome(target, lost)
    if (!isUnavailable) return outcome
    if (attempt + 1 >= MAX_ATTEMPTS) throw lost
    await backOff(target.clock, attempt, SLOW_BACKOFF, target.signal)
  }
}

/** Removes the mark of a deletion where the backend can do so only if nobody wrote meanwhile; else it stays, 48 bytes. */
async function sweep(target: PutTarget, version: string): Promise<void> {
  const { blobs } = target.backend
  if (blobs.batch === undefined) return
  try {
    await blobs.batch([{ key: target.blobKey, delete: true, when: { version } }])
  } catch (error) {
    // The deletion itself is stored: what stays behind is as good as absent.
    if (!isStorageError(error)) throw error
  }
}

async function fetchStored(target: PutTarget): Promise<StoredValue | undefined> {
  const blob = await target.backend.blobs.get(target.blobKey, target.signal === undefined ? {} : { signal: target.signal })
  return blob === undefined ? undefined : openValue(blob, target.key)
}

function liveOnly(stored: StoredValue | undefined, clock: Clock): StoredValue | undefined {
  return stored !== undefined && isLive(stored.expiresAt, clock.now()) ? stored : undefined
}

function conflict(target: PutTarget, expected: PutCondition, found: StoredValue | undefined, cause?: unknown): StorageError {
  const { backend, operation, key } = target
  const facts = { expected: expected === 'absent' ? 'absent' : expected.version, actual: found?.version ?? 'absent' }
  return new StorageError('conflict', 'the key was changed by another writer', { backend: backend.name, operation, key, facts, cause })
}

function unknownOutcome(target: PutTarget, cause: unknown): StorageError {
  const { backend, operation, key } = target
  const message = 'an answer was lost and another writer changed the key meanwhile: whether the change was applied is unknown'
  return new StorageError('unavailable', message, { backend: backend.name, operation, key, cause })
}

function tooBusy(target: PutTarget): StorageError {
  const { backend, operation, key } = target
  const facts = { attempts: MAX_ATTEMPTS }
  return new StorageError('unavailable', 'too many writers changed the key at once', { backend: backend.name, operation, key, facts })
}
