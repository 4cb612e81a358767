// Cloudflare Workers have no place for data that a name alone could find: storage comes as bindings, which are values.

import { StorageError } from '../core/base/errors.js'

/** Throws `invalid` with the line to write instead. */
export function defaultBackend(name: string): never {
  throw noDefault('openStore', name, 'openStore(r2({ bucket: env.BUCKET }))')
}

/** Rejects with `invalid` and the line to write instead. */
export async function destroyDefault(name: string): Promise<never> {
  throw noDefault('destroy', name, 'destroy(r2({ bucket: env.BUCKET }))')
}

function noDefault(operation: string, name: string, line: string): StorageError {
  const message = `a name opens nothing in a Worker, where storage is a binding; write ${line}, with r2 from varve/adapters/cloudflare-r2`
  return new StorageError('invalid', message, { operation, facts: { name } })
}
