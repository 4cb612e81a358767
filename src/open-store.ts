// The composition root: the backend that was given, or this platform's default.

import { type Clock, systemClock } from './core/base/clock.js'
import { isStorageError, StorageError } from './core/base/errors.js'
import { checkName } from './core/base/key.js'
import { contextOf, createContext, storeOver } from './core/derived/resolve.js'
import type { Store, StoreContext } from './core/derived/store-context.js'
import type { Backend } from './core/ports/backend.js'
import { defaultBackend, destroyDefault } from '#platform'

export interface OpenStoreOptions {
  /** Node only: the folder that holds the stores; default `.varve` in the working directory. */
  readonly directory?: string
  /** For writing, or with `read` for looking only: it takes no lock, repairs nothing and sees what a running owner has written; writes are `denied`. */
  readonly mode?: 'read'
  /** Used where the platform has no storage, or refuses it: this is how loss is accepted, never by default. */
  readonly fallback?: Backend
  /** For tests. */
  readonly clock?: Clock
}

interface SharedStore {
  readonly context: StoreContext
  /** Closed with the last handle where openStore made it. */
  readonly owned: boolean
  handles: number
}

/** Adapters do no I/O before first use: reading any key tells whether the place works. */
const PROBE_KEY = 'probe'

const named = new Map<string, Promise<SharedStore>>()
const overBackends = new WeakMap<StoreContext, SharedStore>()

/**
 * Opens a store: by name, in this platform's default place (IndexedDB in browsers, files in Node), or on a backend.
 * Opening one name or backend twice gives two handles on one store; it is closed with the last. A backend that was passed
 * in stays open, and keeps what it holds of its own (files: the lock of the directory), until its own `close()`.
 *
 * Errors: `invalid` (name, mode, or no default here: the message has the line to write), `denied` (another process owns the
 * files; its host and pid are named), `unavailable`.
 */
export async function openStore(nameOrBackend: string | Backend, options: OpenStoreOptions = {}): Promise<Store> {
  checkMode(options.mode)
  if (typeof nameOrBackend !== 'string') {
    const shared = sharedOver(nameOrBackend, options)
    await checkUsable(shared.context)
    return handleOn(shared, async () => {})
  }
  checkName('store name', nameOrBackend)
  const key = JSON.stringify([nameOrBackend, options.directory, options.mode])
  const opening = named.get(key) ?? openNamed(nameOrBackend, options)
  named.set(key, opening)
  const forget = (): void => {
    if (named.get(key) === opening) named.delete(key)
  }
  const shared = await opening.catch((error) => {
    forget()
    throw error
  })
  return handleOn(shared, async () => forget())
}

/** Deletes a whole store: a named one, or all that lies on a backend. It must not be open. */
export async function destroy(nameOrBackend: string | Backend, options: Pick<OpenStoreOptions, 'directory'> = {}): Promise<void> {
  if (typeof nameOrBackend === 'string') {
    checkName('store name', nameOrBackend)
    await destroyDefault(nameOrBackend, options)
    return
  }
  await contextOf(nameOrBackend).writable('destroy')
  const { blobs, files } = nameOrBackend
  for await (const { path } of files?.list('') ?? []) await files?.delete(path)
  const keys: string[] = []
  for await (const { key } of blobs.list()) keys.push(key)
  if (keys.length > 0) await blobs.delete(keys)
}

async function openNamed(name: string, options: OpenStoreOptions): Promise<SharedStore> {
  try {
    const context = createContext(defaultBackend(name, options), options)
    await checkUsable(context)
    if (options.fallback !== undefined) await context.backend.blobs.get(PROBE_KEY)
    return { context, owned: true, handles: 0 }
  } catch (error) {
    // Damage is no reason to begin again in memory.
    if (options.fallback === undefined || isStorageError(error, 'corrupt')) throw error
    return sharedOver(options.fallback, options)
  }
}

function sharedOver(backend: Backend, options: OpenStoreOptions): SharedStore {
  const context = contextFor(backend, options)
  const shared = overBackends.get(context) ?? { context, owned: false, handles: 0 }
  overBackends.set(context, shared)
  return shared
}

/** A bare backend has one context, so that its journals are shared; other options than the usual ones need their own. */
function contextFor(backend: Backend, options: OpenStoreOptions): StoreContext {
  if (backend === null || typeof backend !== 'object') {
    throw new StorageError('invalid', 'openStore takes a name or a backend', { operation: 'openStore', facts: { got: typeof backend } })
  }
  const isUsual = options.mode === undefined && (options.clock ?? systemClock) === systemClock
  return isUsual ? contextOf(backend) : createContext(backend, options)
}

/** A mode that is misspelt would else be one that writes. */
function checkMode(mode: unknown): void {
  if (mode === undefined || mode === 'read') return
  throw new StorageError('invalid', "the only mode to ask for is 'read'; a store is opened for writing without one", {
    operation: 'openStore',
    facts: { mode },
  })
}

/** Says at once what the first write would say: the owner of the files, a place that cannot be written. */
async function checkUsable(context: StoreContext): Promise<void> {
  if (context.mode === 'write' && context.backend.files !== undefined) await context.writable('openStore')
}

function handleOn(shared: SharedStore, forget: () => Promise<void>): Store {
  shared.handles++
  let isOpen = true
  return storeOver(shared.context, async () => {
    if (!isOpen) return
    isOpen = false
    if (--shared.handles > 0) return
    await forget()
    await shared.context.close()
    if (shared.owned) await shared.context.backend.close()
  })
}
