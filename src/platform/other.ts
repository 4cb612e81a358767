// A runtime that nobody named: what it can store to has to be said, and is never memory silently.

import { StorageError } from '../core/base/errors.js'

const ADAPTERS = ['memory', 'node-fs', 'indexeddb', 'opfs', 'cloudflare-r2', 'cloudflare-kv']

/** Throws `invalid` with the lines that could be written instead. */
export function defaultBackend(name: string): never {
  throw noDefault('openStore', name)
}

/** Rejects with `invalid` and the lines that could be written instead. */
export async function destroyDefault(name: string): Promise<never> {
  throw noDefault('destroy', name)
}

function noDefault(operation: string, name: string): StorageError {
  const adapters = ADAPTERS.map((adapter) => `varve/adapters/${adapter}`).join(', ')
  const message = `this runtime has no default storage; pass a backend, as in ${operation}(memory()), from one of ${adapters}`
  return new StorageError('invalid', message, { operation, facts: { name } })
}
