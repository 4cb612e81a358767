import { zstd } from '../../compression/zstd.js'
import type { Snapshots } from '../../core/features/snapshots/snapshots.js'
import type { SnapshotsOptions } from '../../core/features/snapshots/types.js'
import { openSnapshots } from '../../index.js'
import { untilInterrupted } from '../interrupt.js'
import type { PlaceMode } from '../place.js'
import { withStore } from '../with-store.js'
import { encryptionOf } from './encryption.js'

export interface OpenFlags {
  readonly mode: PlaceMode
  readonly options?: SnapshotsOptions
}

/**
 * Opens the snapshots of the store at a place, and closes both when `use` is done. Ctrl-C aborts the signal. Whatever Node has
 * natively, all compressions can be read.
 */
export function withSnapshots<T>(
  place: string,
  { mode, options = {} }: OpenFlags,
  use: (snapshots: Snapshots<unknown>, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return untilInterrupted((signal) =>
    withStore(place, mode, async (store) => {
      const snapshots = await openSnapshots(store, { ...options, ...(await encryptionOf(store)), compressions: [zstd] })
      try {
        return await use(snapshots, signal)
      } finally {
        await snapshots.close()
      }
    }),
  )
}
