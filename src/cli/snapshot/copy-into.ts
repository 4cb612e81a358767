import { memory } from '../../adapters/memory/index.js'
import { isStorageError } from '../../core/base/errors.js'
import type { Store } from '../../core/derived/resolve.js'
import type { CopyOptions, CopyReport } from '../../core/features/snapshots/upkeep-types.js'
import type { Snapshots } from '../../core/features/snapshots/snapshots.js'
import { openPlace } from '../place.js'
import { withStore } from '../with-store.js'
import { encryptionOf } from './encryption.js'
import { withProgress } from './snapshot-progress.js'

/** Copies to the store at a place, which is made where there is none; a dry run makes none. */
export async function copyInto(
  place: string,
  source: Snapshots<unknown>,
  wanted: Pick<CopyOptions, 'filter' | 'dryRun'>,
  signal: AbortSignal,
): Promise<CopyReport> {
  const copy = async (target: Store): Promise<CopyReport> => {
    const options = { ...wanted, ...(await encryptionOf(target)), signal }
    return await withProgress((onProgress) => source.copy(target, { ...options, onProgress }))
  }
  if (!wanted.dryRun) return await withStore(place, 'create', copy)
  return (await isThere(place)) ? await withStore(place, 'read', copy) : await source.copy(memory(), { ...wanted, signal })
}

async function isThere(place: string): Promise<boolean> {
  try {
    const { close } = await openPlace(place, 'read')
    await close()
    return true
  } catch (error) {
    if (isStorageError(error, 'missing')) return false
    throw error
  }
}
