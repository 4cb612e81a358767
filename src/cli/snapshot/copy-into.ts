import type { CopyOptions, CopyReport } from '../../core/features/snapshots/upkeep-types.js'
import type { Snapshots } from '../../core/features/snapshots/snapshots.js'
import { withStore } from '../with-store.js'
import { encryptionOf } from './encryption.js'
import { withProgress } from './snapshot-progress.js'

/** Copies to the store at a place, which is made where there is none. */
export function copyInto(
  place: string,
  source: Snapshots<unknown>,
  filter: NonNullable<CopyOptions['filter']>,
  signal: AbortSignal,
): Promise<CopyReport> {
  return withStore(place, 'create', async (target) => {
    const options = { filter, ...(await encryptionOf(target)), signal }
    return await withProgress((onProgress) => source.copy(target, { ...options, onProgress }))
  })
}
