// Tags and pins: they live in the session's cell, so that pruning and pinning cannot pass each other by.

import { missing } from './damage.js'
import type { SnapshotPlace } from './place.js'
import { withLabel } from './session-changes.js'
import { labelledInfo } from './snapshot-index.js'
import type { Summary } from './summary.js'
import type { SnapshotInfo } from './types.js'

export type Relabel = (summary: Summary) => Summary

export const pinned: Relabel = (summary) => ({ ...summary, pinned: true })

export function unpinned({ pinned: _pinned, ...summary }: Summary): Summary {
  return summary
}

export function tagged(tags: readonly string[]): Relabel {
  return (summary) => ({ ...summary, tags: [...new Set([...summary.tags, ...tags])] })
}

export function untagged(tags: readonly string[]): Relabel {
  return (summary) => ({ ...summary, tags: summary.tags.filter((tag) => !tags.includes(tag)) })
}

/** `missing` where there is no such snapshot. Resolves to how it is then. */
export async function label(place: SnapshotPlace, id: string, change: Relabel, signal?: AbortSignal): Promise<SnapshotInfo> {
  const { index } = place
  const { manifest, summary } = await index.published(id, signal)
  const at = { id, index: summary.index }
  await index.change(index.cell(manifest), (state) => withLabel(state, index.pages, at, change), signal)
  const now = await index.locateIn(manifest, at, signal)
  if (now === undefined) throw missing({ id })
  return labelledInfo(manifest, now.summary)
}
