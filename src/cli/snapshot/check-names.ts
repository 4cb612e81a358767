import type { Snapshots } from '../../core/features/snapshots/snapshots.js'
import type { SnapshotFilter } from '../../core/features/snapshots/types.js'
import { unknownName } from '../unknown-name.js'

const NAMES = ['agent', 'session', 'branch', 'tag'] as const

/** Throws for the first name of a filter that is not there beside those before it, with those that are. */
export async function checkNames(snapshots: Snapshots<unknown>, filter: SnapshotFilter): Promise<void> {
  const passed: Partial<Record<(typeof NAMES)[number], string>> = {}
  for (const kind of NAMES) {
    const name = filter[kind]
    if (name === undefined) continue
    const known = new Set<string>()
    for await (const info of snapshots.list(passed)) for (const one of kind === 'tag' ? info.tags : [info[kind]]) known.add(one)
    if (!known.has(name)) throw unknownName(kind, name, [...known].sort())
    passed[kind] = name
  }
}
