import type { Backend } from '../ports/backend.js'
import type { BlobStore } from '../ports/blob-store.js'
import type { StoreContext } from './store-context.js'

/** The same store with other blobs, for who needs no more of it than blobs, locks and signals. */
export function contextOver(context: StoreContext, blobs: BlobStore): StoreContext {
  const { name, locks, signals, requestScoped } = context.backend
  const backend: Backend = {
    name,
    blobs,
    ...(locks === undefined ? {} : { locks }),
    ...(signals === undefined ? {} : { signals }),
    ...(requestScoped === undefined ? {} : { requestScoped }),
    health: () => context.backend.health(),
    close: () => context.backend.close(),
  }
  return {
    backend,
    clock: context.clock,
    mode: context.mode,
    writable: (operation) => context.writable(operation),
    checkFence: () => context.checkFence(),
    checkOpen: (operation) => context.checkOpen(operation),
    onClose: (dependent) => context.onClose(dependent),
    close: () => context.close(),
  }
}
