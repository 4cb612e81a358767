// Saves the text field as the state of a session; lists, loads, verifies and damages what was saved.

import { openSnapshots, type SnapshotInfo, type SnapshotReport, type Snapshots, type Store } from 'varve'
import { coalesce } from './coalesce.js'
import { corruptByte } from './damage.js'
import { button, byId, element } from './dom.js'
import { bytes, moment, plural } from './format.js'
import { TAB } from './orders.js'
import { onPress, onSubmit, run } from './report.js'
import { STORE } from './store-name.js'

interface Page {
  readonly text: string
  readonly savedBy: string
}

const PLACE = { agent: 'playground', session: 'page' }
const SHOWN = 20

export async function startSnapshots(store: Store, changed: () => void): Promise<void> {
  const snapshots = await openSnapshots<Page>(store)
  const panel = new SnapshotPanel(snapshots)
  onSubmit(byId<HTMLFormElement>('save'), async (data) => {
    const state = { text: String(data.get('state')), savedBy: `tab ${TAB}` }
    const info = await snapshots.save({ ...PLACE, state })
    panel.say(`Saved #${info.index}: ${bytes(info.bytes)}, stored as ${bytes(info.storedBytes)}.`)
    changed()
  })
  onPress(byId<HTMLButtonElement>('verify-all'), () => panel.verify())
  snapshots.watch(panel.refresh)
  panel.refresh()
}

class SnapshotPanel {
  readonly #snapshots: Snapshots<Page>
  /** What verifying said of each id, until the page is left. */
  readonly #verdicts = new Map<string, string>()
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
    const rows: HTMLElement[] = []
    for await (const info of this.#snapshots.list({ ...PLACE, limit: SHOWN })) rows.push(this.#rowOf(info))
    if (rows.length === 0) rows.push(element('li', { class: 'empty', text: 'No snapshot yet.' }))
    byId('shots').replaceChildren(...rows)
  }

  #rowOf(info: SnapshotInfo): HTMLElement {
    const name = `snapshot ${info.index}`
    const verdict = this.#verdicts.get(info.id)
    const act = (work: (info: SnapshotInfo) => Promise<void>) => () => run(() => work(info))
    return element(
      'li',
      { data: { id: info.id, index: String(info.index), verdict: verdict ?? 'unknown' } },
      element(
        'span',
        { class: 'what' },
        element('strong', { text: `#${info.index}` }),
        ` ${moment(info.timestamp)}`,
        ...(verdict === undefined ? [] : [element('span', { class: 'badge', text: verdict === 'ok' ? 'proved' : verdict })]),
      ),
      element('code', { class: 'hash', text: info.contentHash.slice(0, 12), title: `SHA-256 ${info.contentHash}` }),
      element(
        'span',
        { class: 'actions' },
        button(
          'Load',
          `Load ${name}`,
          act((it) => this.#load(it)),
        ),
        button(
          'Verify',
          `Verify ${name}`,
          act((it) => this.verify(it)),
        ),
        button(
          'Corrupt a byte',
          `Corrupt a byte of ${name}`,
          act((it) => this.#corrupt(it)),
        ),
        button(
          'Delete',
          `Delete ${name}`,
          act((it) => this.#delete(it)),
        ),
      ),
    )
  }

  async #load(info: SnapshotInfo): Promise<void> {
    const box = byId('loaded')
    box.hidden = true
    const state = await this.#snapshots.load(info.id)
    const [caption, text] = [box.querySelector('figcaption'), box.querySelector('pre')]
    if (caption !== null) caption.textContent = `Snapshot #${info.index}, saved by ${state.savedBy}`
    if (text !== null) text.textContent = state.text
    box.hidden = false
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

function summaryOf({ ok, checked, problems }: SnapshotReport): string {
  if (ok) return `${plural(checked, 'snapshot')} read back: every hash is what it was.`
  const first = problems[0]
  const hashes = first?.expected === undefined ? '' : ` Expected ${first.expected.slice(0, 12)}…, found ${shorten(first.actual ?? '')}`
  return `${plural(problems.length, 'problem')} in ${plural(checked, 'snapshot')}: ${first?.code}.${hashes}`
}

function shorten(hash: string): string {
  return /^[0-9a-f]{64}$/.test(hash) ? `${hash.slice(0, 12)}…` : hash
}
