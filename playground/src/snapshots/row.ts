// A snapshot in the list: its place in the graph, what it added, what is known of it, what can be done with it.

import type { SnapshotInfo } from 'varve'
import { button, element } from '../dom.js'
import { bytes, moment } from '../format.js'
import { run } from '../report.js'
import type { Row } from './branch-lanes.js'
import { branchPicture } from './branch-picture.js'

/** By what stands on the button. */
export type Deeds = Readonly<Record<string, (info: SnapshotInfo) => Promise<void>>>

export interface RowFacts {
  /** What verifying said, until the page is left. */
  readonly verdict?: string
  /** The branches whose newest it is. */
  readonly heads: readonly string[]
  readonly isCompared: boolean
  readonly lanes: number
}

export function rowElement(row: Row, facts: RowFacts, deeds: Deeds): HTMLElement {
  const { info } = row
  const name = `snapshot ${info.index}`
  const actions = Object.entries(deeds).map(([text, deed]) => button(text, `${text} ${name}`, () => run(() => deed(info))))
  const data = { id: info.id, index: String(info.index), branch: info.branch, verdict: facts.verdict ?? 'unknown' }
  return element(
    'li',
    { data: facts.isCompared ? { ...data, compared: 'true' } : data },
    branchPicture(row, facts.lanes),
    element('span', { class: 'what' }, element('strong', { text: `#${info.index}` }), ` ${moment(info.timestamp)}`, ...badges(info, facts)),
    element('code', { class: 'hash', text: info.contentHash.slice(0, 12), title: `SHA-256 ${info.contentHash}` }),
    added(info),
    element('span', { class: 'actions' }, ...actions),
  )
}

function badges(info: SnapshotInfo, { verdict, heads }: RowFacts): HTMLElement[] {
  const badge = (kind: string, text: string): HTMLElement => element('span', { class: `badge ${kind}`, text })
  return [
    ...heads.map((branch) => badge('head', branch)),
    ...info.tags.map((tag) => badge('tag', tag)),
    ...(info.pinned ? [badge('pin', 'pinned')] : []),
    ...(verdict === undefined ? [] : [badge('verdict', verdict === 'ok' ? 'proved' : verdict)]),
    ...(info.description === undefined ? [] : [element('span', { class: 'said', text: info.description })]),
  ]
}

/** How much of the state was new to the store. */
function added({ bytes: whole, storedBytes }: SnapshotInfo): HTMLElement {
  const share = element('i')
  share.style.inlineSize = `${Math.min(100, (storedBytes / Math.max(1, whole)) * 100).toFixed(1)}%`
  const text = `added ${bytes(storedBytes)} of ${bytes(whole)}`
  return element('span', { class: 'added', title: text }, element('span', { class: 'share' }, share), element('small', { text }))
}
