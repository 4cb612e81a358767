import type { SnapshotProgress } from '../../core/features/snapshots/save-types.js'
import { formatBytes, formatCount } from '../output.js'
import { type Progress, progressLine } from '../progress.js'

/** `load: 12 MB of 40 MB`. */
export function snapshotProgress(): Progress<SnapshotProgress> {
  return progressLine(({ phase, doneBytes, totalBytes, done }) => {
    const of = totalBytes === undefined ? '' : ` of ${formatBytes(totalBytes)}`
    return `${phase}: ${done === undefined ? '' : `${formatCount(done, 'snapshot')}, `}${formatBytes(doneBytes)}${of}`
  })
}

/** Runs with a listener that shows how far it is, and wipes the line when it is done. */
export async function withProgress<T>(run: (onProgress: (progress: SnapshotProgress) => void) => Promise<T>): Promise<T> {
  const { update, end } = snapshotProgress()
  try {
    return await run(update)
  } finally {
    end()
  }
}
