// The summaries of a session from the newest on, page by page, some pages read ahead. A page that was replaced meanwhile
// leads to reading the cell again, and on from where it was.

import { isStorageError, StorageError } from '../../base/errors.js'
import { pageKey } from './layout.js'
import type { Label, PageRef, SessionState } from './session.js'
import type { SessionPages } from './session-pages.js'
import type { Summary } from './summary.js'

const READ_AHEAD = 4

export interface WalkOptions {
  /** Only those with a lower index. */
  readonly below?: number
  /** Only pages in which there may be something. */
  readonly wants?: (page: PageRef) => boolean
  readonly signal?: AbortSignal | undefined
  /** Reads the session's cell again, because of a page that is not there. */
  readonly reopen: (cause: unknown) => Promise<SessionState>
}

/** Each batch descends by index, and so do the batches. */
export async function* walkSession(state: SessionState, pages: SessionPages, options: WalkOptions): AsyncGenerator<readonly Summary[]> {
  const { below = Number.POSITIVE_INFINITY, wants = () => true, signal, reopen } = options
  const labels = new Map(state.labels.map((label) => [label[0], label]))
  yield descending(state.recent, below, labels)
  const wanted = state.pages.filter((page) => page[1] < below && wants(page)).reverse()
  const ahead: Promise<readonly Summary[]>[] = []
  for (const [at, page] of wanted.entries()) {
    for (let next = ahead.length; next < Math.min(wanted.length, at + READ_AHEAD); next++) ahead.push(begin(pages, wanted[next], signal))
    let summaries: readonly Summary[]
    try {
      summaries = await (ahead[at] as Promise<readonly Summary[]>)
    } catch (error) {
      if (!isStorageError(error, 'missing')) throw error
      yield* walkSession(await stateWithout(page, reopen, error), pages, { ...options, below: Math.min(below, page[2] + 1) })
      return
    }
    yield descending(summaries, below, labels)
  }
}

function begin(pages: SessionPages, page: PageRef | undefined, signal: AbortSignal | undefined): Promise<readonly Summary[]> {
  const started = pages.read((page as PageRef)[0], signal)
  // Whoever stops early never awaits what was started ahead.
  started.catch(() => {})
  return started
}

async function stateWithout([id]: PageRef, reopen: WalkOptions['reopen'], cause: unknown): Promise<SessionState> {
  const state = await reopen(cause)
  if (!state.pages.some((page) => page[0] === id)) return state
  throw new StorageError('corrupt', 'a page of summaries is gone', { key: pageKey(id), cause })
}

function descending(summaries: readonly Summary[], below: number, labels: ReadonlyMap<string, Label>): readonly Summary[] {
  const found: Summary[] = []
  for (let at = summaries.length - 1; at >= 0; at--) {
    const summary = summaries[at] as Summary
    if (summary.index < below) found.push(labels.size === 0 ? summary : labelled(summary, labels.get(summary.id)))
  }
  return found
}

/** As its session labels it now. */
export function labelled(summary: Summary, label: Label | undefined): Summary {
  if (label === undefined) return summary
  const { pinned: _pinned, ...rest } = summary
  return { ...rest, tags: label[2], ...(label[3] ? { pinned: true } : {}) }
}
