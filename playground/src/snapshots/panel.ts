// Saves the text field as the state of a session; shows the branches of what was saved, compares, forks, restores, verifies
// and damages it.

import { openSnapshots, type SnapshotInfo, type SnapshotReport, type Snapshots, type Store, type Trace } from 'varve'
import { coalesce } from '../coalesce.js'
import { byId, element } from '../dom.js'
import { bytes, plural } from '../format.js'
import { onPress, onSubmit } from '../report.js'
import { STORE } from '../store-name.js'
import { type Page, pageOf, PLACE, runAgent, savedHere } from './agent.js'
import { startArchives } from './archive-buttons.js'
import { lanesOf } from './branch-lanes.js'
import { corruptByte } from './damage.js'
import { showDiff } from './diff-view.js'
import { startPruning } from './prune-form.js'
import { type Deeds, rowElement } from './row.js'

const SHOWN = 60

export async function startSnapshots(store: Store, trace: Trace, changed: () => void): Promise<void> {
  const snapshots = await openSnapshots<Page>(store, { trace })
  const panel = new SnapshotPanel(snapshots)
  const branch = (): string => byId<HTMLSelectElement>('branch').value
  onSubmit(byId<HTMLFormElement>('save'), async (data) => {
    const { messages } = await pageOf(snapshots, branch())
    const info = await snapshots.save({ ...PLACE, branch: branch(), state: savedHere(String(data.get('state')), messages) })
    panel.say(`Saved #${info.index}: ${bytes(info.bytes)}, of which ${bytes(info.storedBytes)} were new to the store.`)
    changed()
  })
  onPress(byId<HTMLButtonElement>('run-agent'), async () => {
    await runAgent(snapshots, branch(), (info) =>
      panel.say(`Step saved as #${info.index}: ${bytes(info.storedBytes)} new of ${bytes(info.bytes)}.`),
    )
    changed()
  })
  onPress(byId<HTMLButtonElement>('verify-all'), () => panel.verify())
  startPruning(snapshots, changed)
  startArchives(snapshots, (text) => panel.say(text), changed)
  snapshots.watch(panel.refresh)
  panel.refresh()
}

class SnapshotPanel {
  readonly #snapshots: Snapshots<Page>
  /** What verifying said of each id, until the page is left. */
  readonly #verdicts = new Map<string, string>()
  /** The first of two that are to be compared. */
  #compared: SnapshotInfo | undefined
  readonly refresh = coalesce(() => this.#draw())

  constructor(snapshots: Snapshots<Page>) {
    this.#snapshots = snapshots
  }

  say(text: string): void {
    byId('snapshot-note').textContent = text
  }

  async verify(info?: SnapshotInfo): Promise<void> {
    const report = await this.#snapshots.verify(info?.id)
    if (info === undefined) this.#verdicts.clear()
    const ids = info === undefined ? [...byId('shots').children].map((row) => (row as HTMLElement).dataset.id ?? '') : [info.id]
    for (const id of ids) this.#verdicts.set(id, report.problems.find((problem) => problem.id === id)?.code ?? 'ok')
    this.say(summaryOf(report))
    this.refresh()
  }

  async #draw(): Promise<void> {
    const infos: SnapshotInfo[] = []
    for await (const info of this.#snapshots.list({ ...PLACE, limit: SHOWN })) infos.push(info)
    const heads = headsOf(infos)
    this.#drawBranches(heads)
    this.#drawTotal(infos)
    const { rows, count } = lanesOf(infos)
    const items = rows.map((row) => {
      const { id } = row.info
      const verdict = this.#verdicts.get(id)
      const facts = { heads: heads.get(id) ?? [], isCompared: this.#compared?.id === id, lanes: count }
      return rowElement(row, verdict === undefined ? facts : { ...facts, verdict }, this.#deeds(row.info))
    })
    byId('shots').replaceChildren(...(items.length > 0 ? items : [element('li', { class: 'empty', text: 'No snapshot yet.' })]))
  }

  #drawBranches(heads: ReadonlyMap<string, readonly string[]>): void {
    const select = byId<HTMLSelectElement>('branch')
    const chosen = select.value
    const names = [...new Set(['main', ...[...heads.values()].flat().sort()])]
    select.replaceChildren(...names.map((name) => element('option', { text: name, attributes: { value: name } })))
    select.value = names.includes(chosen) ? chosen : 'main'
  }

  #drawTotal(infos: readonly SnapshotInfo[]): void {
    const sum = (of: (info: SnapshotInfo) => number): number => infos.reduce((all, info) => all + of(info), 0)
    const text = `${plural(infos.length, 'snapshot')} of ${bytes(sum((info) => info.bytes))} in ${bytes(sum((info) => info.storedBytes))}`
    byId('shots-total').textContent = infos.length === 0 ? '' : text
  }

  #deeds(info: SnapshotInfo): Deeds {
    return {
      Load: (it) => this.#load(it),
      [this.#compared === undefined || this.#compared.id === info.id ? 'Compare' : 'Compare with']: (it) => this.#compare(it),
      Fork: (it) => this.#fork(it),
      Restore: (it) => this.#restore(it),
      [info.pinned ? 'Unpin' : 'Pin']: (it) => this.#pin(it),
      Verify: (it) => this.verify(it),
      Corrupt: (it) => this.#corrupt(it),
      Delete: (it) => this.#delete(it),
    }
  }

  async #load(info: SnapshotInfo): Promise<void> {
    const box = byId('loaded')
    box.hidden = true
    const { text, savedBy, messages } = await this.#snapshots.load(info.id)
    const [caption, body] = [box.querySelector('figcaption'), box.querySelector('pre')]
    const rest = messages.length === 0 ? '' : `, with ${plural(messages.length, 'message')}`
    if (caption !== null) caption.textContent = `Snapshot #${info.index}, saved by ${savedBy}${rest}`
    if (body !== null) body.textContent = text
    box.hidden = false
  }

  async #compare(info: SnapshotInfo): Promise<void> {
    const first = this.#compared
    this.#compared = first === undefined ? info : undefined
    if (first === undefined) this.say(`Choose what to compare #${info.index} with.`)
    else if (first.id === info.id) this.say('')
    else await this.#show(first, info)
    this.refresh()
  }

  async #show(one: SnapshotInfo, other: SnapshotInfo): Promise<void> {
    const [from, to] = one.index < other.index ? [one, other] : [other, one]
    await showDiff(this.#snapshots, from, to)
    this.say(`Compared #${from.index} with #${to.index}.`)
  }

  async #fork(info: SnapshotInfo): Promise<void> {
    const forked = await this.#snapshots.fork(info.id)
    this.say(`Branch ${forked.branch} begins with #${forked.index}, a copy of #${info.index} that added ${bytes(forked.storedBytes)}.`)
  }

  async #restore(info: SnapshotInfo): Promise<void> {
    const state = await this.#snapshots.load(info.id)
    const description = `#${info.index} restored`
    const saved = await this.#snapshots.save({ ...PLACE, branch: info.branch, state, description })
    byId<HTMLFormElement>('save').querySelector('textarea')!.value = state.text
    this.say(`#${saved.index} on ${info.branch} is what #${info.index} was; ${bytes(saved.storedBytes)} were new.`)
  }

  async #pin(info: SnapshotInfo): Promise<void> {
    if (info.pinned) await this.#snapshots.unpin(info.id)
    else await this.#snapshots.pin(info.id)
    this.refresh()
  }

  async #corrupt(info: SnapshotInfo): Promise<void> {
    const { at, of } = await corruptByte(STORE, info.id)
    this.#verdicts.delete(info.id)
    this.say(`Flipped a bit of byte ${at} of ${of} of snapshot #${info.index}, behind the store's back. Verify or load it.`)
    this.refresh()
  }

  async #delete(info: SnapshotInfo): Promise<void> {
    await this.#snapshots.delete(info.id)
    this.say(`Deleted snapshot #${info.index}. Its number is not used again.`)
  }
}

/** The newest of each branch, by id. */
function headsOf(infos: readonly SnapshotInfo[]): ReadonlyMap<string, readonly string[]> {
  const seen = new Set<string>()
  const heads = new Map<string, readonly string[]>()
  for (const { id, branch } of infos) {
    if (seen.has(branch)) continue
    seen.add(branch)
    heads.set(id, [branch])
  }
  return heads
}

function summaryOf({ ok, checked, problems }: SnapshotReport): string {
  if (ok) return `${plural(checked, 'snapshot')} read back: every hash is what it was.`
  const first = problems[0]
  const hashes = first?.expected === undefined ? '' : ` Expected ${shorten(first.expected)}, found ${shorten(first.actual ?? '')}`
  return `${plural(problems.length, 'problem')} in ${plural(checked, 'snapshot')}: ${first?.code}.${hashes}`
}

function shorten(hash: string): string {
  return /^[0-9a-f]{64}$/.test(hash) ? `${hash.slice(0, 12)}…` : hash
}
