// What changed from one snapshot to another, step by step. Everything becomes text.

import type { PatchOperation, SnapshotInfo, Snapshots } from 'varve'
import { byId, element } from '../dom.js'
import { plural } from '../format.js'
import type { Page } from './agent.js'

const SHOWN = 60
const LONGEST = 160
const SIGNS: Readonly<Record<string, string>> = { add: '+', remove: '−', replace: '~', move: '→', copy: '=' }

export async function showDiff(snapshots: Snapshots<Page>, from: SnapshotInfo, to: SnapshotInfo): Promise<void> {
  const patch = await snapshots.diff(from.id, to.id)
  const box = byId('diff')
  const [caption, list] = [box.querySelector('figcaption'), box.querySelector('ol')]
  if (caption !== null)
    caption.textContent = `From #${from.index} to #${to.index}: ${patch.length === 0 ? 'no change' : plural(patch.length, 'change')}`
  const more = patch.length > SHOWN ? [element('li', { class: 'more', text: `and ${patch.length - SHOWN} more` })] : []
  list?.replaceChildren(...patch.slice(0, SHOWN).map(lineOf), ...more)
  box.hidden = false
}

function lineOf(operation: PatchOperation): HTMLElement {
  const value = 'value' in operation ? JSON.stringify(operation.value) : 'from' in operation ? `from ${operation.from}` : ''
  const short = value.length > LONGEST ? `${value.slice(0, LONGEST)}…` : value
  return element(
    'li',
    { data: { op: operation.op } },
    element('b', { text: SIGNS[operation.op] ?? operation.op, title: operation.op }),
    element('code', { text: operation.path === '' ? '(all)' : operation.path }),
    element('span', { text: short }),
  )
}
