// Retention, applied to one session after the other inside the change of its cell: a pin that is set meanwhile counts.

import type { StorageError } from '../../base/errors.js'
import { isDamage } from './damage.js'
import { type Candidate, checkPolicy, judge } from './policy.js'
import type { SnapshotPlace } from './place.js'
import { removeBlobs, unlessGone } from './removal.js'
import type { KeptSnapshot, PruneOptions, PrunePolicy, PruneReport } from './retention-types.js'
import type { SessionState } from './session.js'
import { withoutSummaries } from './session-changes.js'
import type { Located } from './snapshot-index.js'
import { isNewer, originOf, type Summary } from './summary.js'
import type { SnapshotInfo } from './types.js'

/** A session as its policy judges it, newest first. */
interface Verdict {
  readonly state: SessionState
  readonly kept: readonly { readonly summary: Summary; readonly reasons: readonly string[] }[]
  readonly gone: readonly Summary[]
}

/**
 * Each session is done before the next, and `told` hears what went with the session as it was before. Where one is damaged the
 * others are pruned, and it is said at the end.
 */
export async function prune(
  place: SnapshotPlace,
  policy: PrunePolicy,
  options: PruneOptions,
  told: (gone: readonly Located[]) => void,
): Promise<PruneReport> {
  checkPolicy(policy)
  const { dryRun = false, signal } = options
  const kept: KeptSnapshot[] = []
  const removed: SnapshotInfo[] = []
  const damage: StorageError[] = []
  for await (const { state } of place.index.sessions(options)) {
    signal?.throwIfAborted()
    try {
      const verdict = dryRun ? await judgeSession(place, state, policy, options) : await pruneSession(place, state, policy, options)
      const gone = verdict.gone.map((summary) => ({ state: verdict.state, summary }))
      if (!dryRun) told(gone)
      for (const located of gone) removed.push(await unlessGone(place, located, signal))
      if (!dryRun) await removeBlobs(place, verdict.gone, signal)
      for (const { summary, reasons } of verdict.kept) {
        kept.push({ info: await unlessGone(place, { state: verdict.state, summary }, signal), reasons })
      }
    } catch (error) {
      if (!isDamage(error)) throw error
      damage.push(error)
    }
  }
  if (damage[0] !== undefined) throw damage[0]
  const newestFirst = (a: SnapshotInfo, b: SnapshotInfo): number => b.timestamp - a.timestamp
  return { dryRun, kept: kept.sort((a, b) => newestFirst(a.info, b.info)), removed: removed.sort(newestFirst) }
}

async function pruneSession(place: SnapshotPlace, found: SessionState, policy: PrunePolicy, options: PruneOptions): Promise<Verdict> {
  const { index } = place
  let verdict = await judgeSession(place, found, policy, options)
  if (verdict.gone.length === 0) return verdict
  await index.change(
    index.cell(found),
    async (state) => {
      verdict = await judgeSession(place, state, policy, options)
      return await withoutSummaries(state, index.pages, new Map(verdict.gone.map(({ id, index: at }) => [id, at])))
    },
    options.signal,
  )
  return verdict
}

async function judgeSession(
  { context, index }: SnapshotPlace,
  state: SessionState,
  policy: PrunePolicy,
  { branch, signal }: PruneOptions,
): Promise<Verdict> {
  const branches = new Map<string, Summary[]>()
  for await (const summaries of index.walk(state, { signal })) {
    for (const summary of summaries) {
      if (branch !== undefined && summary.branch !== branch) continue
      const group = branches.get(summary.branch)
      if (group === undefined) branches.set(summary.branch, [summary])
      else group.push(summary)
    }
  }
  const judged = [...branches.values()].flatMap((summaries) => judge(asSaved(summaries), policy, context.clock.now()))
  return {
    state,
    kept: judged.filter(({ reasons }) => reasons.length > 0).map(({ item, reasons }) => ({ summary: item.summary, reasons })),
    gone: judged.filter(({ reasons }) => reasons.length === 0).map(({ item }) => item.summary),
  }
}

/** In the order and with the times of their first saving, newest first. */
function asSaved(summaries: Summary[]): (Candidate & { readonly summary: Summary })[] {
  if (summaries.some(({ origin }) => origin !== undefined)) summaries.sort((a, b) => (isNewer(a, b) ? -1 : 1))
  return summaries.map((summary) => {
    const { tags, pinned } = summary
    return { summary, timestamp: summary.clock ?? originOf(summary).timestamp, tags, ...(pinned === undefined ? {} : { pinned }) }
  })
}
