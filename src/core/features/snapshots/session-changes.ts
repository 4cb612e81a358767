// What can be done to a session besides saving into it: snapshots go, or get other tags. Pages are never changed but written anew.

import { headOf, headsOf, type Label, type PageRef, type SessionState } from './session.js'
import type { SessionPages } from './session-pages.js'
import { labelled, walkSession } from './session-walk.js'
import { isNewer, type Summary } from './summary.js'

/** More labels than that are written into the pages that they are about. */
const MOST_LABELS = 128

/** Ids with their indexes: so pages without any of them are not read. */
export type Gone = ReadonlyMap<string, number>

/** The one with this id, as it is labelled now; `index` says in which page to look. */
export async function findSummary(
  state: SessionState,
  pages: SessionPages,
  { id, index }: { readonly id: string; readonly index: number | undefined },
  signal?: AbortSignal,
): Promise<Summary | undefined> {
  const recent = state.recent.find((summary) => summary.id === id)
  if (recent !== undefined) return recent
  for (const page of [...state.pages].reverse()) {
    if (index !== undefined && !covers(page, index)) continue
    const found = (await pages.read(page[0], signal)).find((summary) => summary.id === id)
    if (found !== undefined) return labelled(found, labelOf(state, id))
  }
  return undefined
}

/** Whether a snapshot that was saved elsewhere is the newest of its branch. */
export async function isNewest(state: SessionState, pages: SessionPages, summary: Summary): Promise<boolean> {
  const head = summary.origin === undefined ? undefined : headOf(state, summary.branch)
  const newest = head === undefined ? undefined : await findSummary(state, pages, { id: head[1], index: head[2] })
  return newest === undefined || isNewer(summary, newest)
}

/** Heads that went go back to the newest snapshot left on their branch. The next index stays. undefined where none of them is there. */
export async function withoutSummaries(state: SessionState, pages: SessionPages, gone: Gone): Promise<SessionState | undefined> {
  const indexes = [...gone.values()]
  const touched = state.pages.filter((page) => indexes.some((index) => covers(page, index)))
  const recent = state.recent.filter(({ id }) => !gone.has(id))
  const rewritten = await rewrite(state, pages, new Set(touched), (summary) => (gone.has(summary.id) ? undefined : summary))
  const isSame = recent.length === state.recent.length && count(rewritten.pages) === count(state.pages)
  return isSame ? undefined : await withHeads({ ...rewritten, recent }, pages, gone)
}

export function withoutAll(state: SessionState): SessionState | undefined {
  if (state.recent.length === 0 && state.pages.length === 0) return undefined
  return { ...state, heads: [], pages: [], labels: [], recent: [] }
}

/** Changes tags or pin; undefined where it is not there or stays as it is. */
export async function withLabel(
  state: SessionState,
  pages: SessionPages,
  { id, index }: { readonly id: string; readonly index: number },
  change: (summary: Summary) => Summary,
): Promise<SessionState | undefined> {
  const before = await findSummary(state, pages, { id, index })
  const after = before === undefined ? undefined : change(before)
  if (before === undefined || after === undefined || isLabelledAlike(before, after)) return undefined
  if (state.recent.some((summary) => summary.id === id)) {
    return { ...state, recent: state.recent.map((summary) => (summary.id === id ? after : summary)) }
  }
  const label: Label = [id, index, after.tags, after.pinned === true]
  const labels = [...state.labels.filter((one) => one[0] !== id), label]
  if (labels.length <= MOST_LABELS) return { ...state, labels }
  const touched = state.pages.filter((page) => labels.some((one) => covers(page, one[1])))
  return await rewrite({ ...state, labels }, pages, new Set(touched), (summary) => summary)
}

/** Another summary in the place of the one with its id, which keeps its tags and its pin; undefined where that is not there. */
export async function withSummary(
  state: SessionState,
  pages: SessionPages,
  { id, index, ...other }: Summary,
): Promise<SessionState | undefined> {
  if ((await findSummary(state, pages, { id, index })) === undefined) return undefined
  const change = (summary: Summary): Summary => {
    if (summary.id !== id) return summary
    const { tags, pinned } = summary
    return { id, index, ...other, tags, ...(pinned === undefined ? {} : { pinned }) }
  }
  if (state.recent.some((summary) => summary.id === id)) return { ...state, recent: state.recent.map(change) }
  return await rewrite(state, pages, new Set(state.pages.filter((page) => covers(page, index))), change)
}

function isLabelledAlike(a: Summary, b: Summary): boolean {
  return a.pinned === b.pinned && a.tags.length === b.tags.length && a.tags.every((tag, at) => tag === b.tags[at])
}

/** The touched pages anew, with their labels in them; neighbours become one. */
async function rewrite(
  state: SessionState,
  pages: SessionPages,
  touched: ReadonlySet<PageRef>,
  change: (summary: Summary) => Summary | undefined,
): Promise<SessionState> {
  if (touched.size === 0) return state
  const kept: PageRef[] = []
  let loose: Summary[] = []
  const write = async (): Promise<void> => {
    kept.push(...(await pages.write(state, loose)))
    loose = []
  }
  for (const page of state.pages) {
    if (touched.has(page)) {
      const summaries = (await pages.read(page[0])).map((summary) => change(labelled(summary, labelOf(state, summary.id))))
      loose.push(...summaries.filter((summary) => summary !== undefined))
    } else {
      await write()
      kept.push(page)
    }
  }
  await write()
  const labels = state.labels.filter((label) => ![...touched].some((page) => covers(page, label[1])))
  return { ...state, pages: kept, labels }
}

async function withHeads(state: SessionState, pages: SessionPages, gone: Gone): Promise<SessionState> {
  const searched = new Set(state.heads.filter(([, id]) => gone.has(id)).map(([branch]) => branch))
  if (searched.size === 0) return state
  const found: Summary[] = []
  const left = new Set(searched)
  // A page that is not there leads to another attempt, where the cell was changed meanwhile.
  const reopen = async (cause: unknown): Promise<SessionState> => {
    throw cause
  }
  for await (const summaries of walkSession(state, pages, { reopen })) {
    for (const summary of summaries) {
      if (!left.has(summary.branch)) continue
      found.push(summary)
      // One that was saved here is newer than all before it.
      if (summary.origin === undefined) left.delete(summary.branch)
    }
    if (left.size === 0) break
  }
  return { ...state, heads: [...state.heads.filter(([branch]) => !searched.has(branch)), ...headsOf(found)] }
}

function covers([, first, last]: PageRef, index: number): boolean {
  return index >= first && index <= last
}

function labelOf(state: SessionState, id: string): Label | undefined {
  return state.labels.find((label) => label[0] === id)
}

function count(pages: readonly PageRef[]): number {
  return pages.reduce((sum, page) => sum + page[5], 0)
}
