// Synchronous access handles, as a dedicated worker has them; pages, for which this is compiled too, do not declare them.

import { StorageError } from '../../core/base/errors.js'
import { BACKEND } from './native-errors.js'

export interface SyncAccessHandle {
  read(into: Uint8Array, options: { readonly at: number }): number
  write(bytes: Uint8Array, options: { readonly at: number }): number
  truncate(size: number): void
  getSize(): number
  flush(): void
  close(): void
}

/** Exclusive: fails with NoModificationAllowedError while the file is open anywhere else. */
export function openSync(entry: FileSystemFileHandle): Promise<SyncAccessHandle> {
  return (entry as unknown as { createSyncAccessHandle(): Promise<SyncAccessHandle> }).createSyncAccessHandle()
}

/** Throws `unsupported` anywhere but in a dedicated worker. */
export function checkDedicatedWorker(operation: string): void {
  const scope = globalThis as { DedicatedWorkerGlobalScope?: unknown; FileSystemSyncAccessHandle?: unknown }
  if (scope.DedicatedWorkerGlobalScope !== undefined && scope.FileSystemSyncAccessHandle !== undefined) return
  const message = 'OPFS files can be written in a dedicated worker only: create one and use opfs() there, or use indexedDb() here'
  throw new StorageError('unsupported', message, { backend: BACKEND, operation })
}
