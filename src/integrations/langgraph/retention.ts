// Which checkpoints of a thread may go: a pure function of the list. A checkpoint holds all its values, so it needs no other
// one, with an exception: delta channels are rebuilt from the writes of ancestors.

import type { CheckpointEntry } from './checkpoint-index.js'

const TASK_MARK = ':'
const NAMESPACE_MARK = '|'

/**
 * Of all entries of one thread, newest first, those to be removed, those of subgraphs before those they ran under: the older
 * ones of each namespace beyond the last `keepLast` ids, without those that kept ones are rebuilt from; what the same id
 * replaced; and what ran, for one task only, under a checkpoint that goes.
 */
export function expired(entries: readonly CheckpointEntry[], keepLast: number): CheckpointEntry[] {
  const gone = new Set<CheckpointEntry>()
  for (const [ns, group] of [...byNamespace(entries)].sort(([a], [b]) => depthOf(a) - depthOf(b))) {
    const orphaned = group.filter((entry) => isOfOneTask(ns) && [...gone].some((one) => ranUnder(entry, one)))
    for (const entry of orphaned) gone.add(entry)
    for (const entry of beyond(group, keepLast)) gone.add(entry)
  }
  return entries.filter((entry) => gone.has(entry)).sort((a, b) => depthOf(b.ns) - depthOf(a.ns))
}

/** The namespace of the graph around a subgraph. */
export function outerNamespace(ns: string): string {
  return ns.slice(0, Math.max(0, ns.lastIndexOf(NAMESPACE_MARK)))
}

function beyond(group: readonly CheckpointEntry[], keepLast: number): CheckpointEntry[] {
  const newest = new Map<string, CheckpointEntry>()
  for (const entry of group) if (!newest.has(entry.checkpoint)) newest.set(entry.checkpoint, entry)
  const kept = new Set([...newest.values()].slice(0, keepLast))
  for (const entry of [...kept]) for (const ancestor of rebuiltFrom(entry, newest)) kept.add(ancestor)
  return group.filter((entry) => !kept.has(entry))
}

/** A channel's walk ends at the first ancestor that does not lack it: there is its value, or its first write. */
function rebuiltFrom(entry: CheckpointEntry, byId: ReadonlyMap<string, CheckpointEntry>): CheckpointEntry[] {
  const ancestors: CheckpointEntry[] = []
  let lacking = entry.lacks ?? []
  let next = entry.parent
  while (lacking.length > 0 && next !== undefined) {
    const ancestor = byId.get(next)
    if (ancestor === undefined || ancestors.includes(ancestor)) break
    ancestors.push(ancestor)
    lacking = lacking.filter((channel) => ancestor.lacks?.includes(channel))
    next = ancestor.parent
  }
  return ancestors
}

function byNamespace(entries: readonly CheckpointEntry[]): Map<string, CheckpointEntry[]> {
  const groups = new Map<string, CheckpointEntry[]>()
  for (const entry of entries) groups.set(entry.ns, [...(groups.get(entry.ns) ?? []), entry])
  return groups
}

function ranUnder(entry: CheckpointEntry, outer: CheckpointEntry): boolean {
  return entry.under === outer.checkpoint && outerNamespace(entry.ns) === outer.ns
}

/** A subgraph that keeps its state from run to run has no task in its namespace. */
function isOfOneTask(ns: string): boolean {
  return ns.includes(TASK_MARK)
}

function depthOf(ns: string): number {
  return ns === '' ? 0 : ns.split(NAMESPACE_MARK).length
}
