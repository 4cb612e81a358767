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

/**
 * Writes all of it or throws `quota`. Chromium writes what fits into a full origin and then returns its error code, as an
 * unsigned number above any length: every other count than the one asked for is a failure.
 */
export function writeAll(handle: SyncAccessHandle, key: string, bytes: Uint8Array, at: number): void {
  const written = handle.write(bytes, { at })
  if (written === bytes.length) return
  throw new StorageError('quota', 'only a part was written', {
    backend: BACKEND,
    operation: 'write',
    key,
    facts: { bytes: bytes.length, written },
  })
}

/** How many bytes were read, fewer only at the end of the file. */
export function readAt(handle: SyncAccessHandle, key: string, into: Uint8Array, at: number): number {
  const got = handle.read(into, { at })
  if (got <= into.length) return got
  throw new StorageError('unavailable', 'the browser could not read a file', { backend: BACKEND, operation: 'read', key, facts: { got } })
}

/** Throws `unsupported` anywhere but in a dedicated worker. */
export function checkDedicatedWorker(operation: string): void {
  const scope = globalThis as { DedicatedWorkerGlobalScope?: unknown; FileSystemSyncAccessHandle?: unknown }
  if (scope.DedicatedWorkerGlobalScope !== undefined && scope.FileSystemSyncAccessHandle !== undefined) return
  const message = 'OPFS files can be written in a dedicated worker only: create one and use opfs() there, or use indexedDb() here'
  throw new StorageError('unsupported', message, { backend: BACKEND, operation })
}
