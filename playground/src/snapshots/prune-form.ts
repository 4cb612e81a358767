// Which snapshots may go: says what a rule would keep and why, then does it, and collects what nothing needs any more.

import type { PruneReport, Snapshots } from 'varve'
import { byId, element } from '../dom.js'
import { bytes, plural } from '../format.js'
import { onPress, onSubmit } from '../report.js'
import { type Page, PLACE } from './agent.js'

export function startPruning(snapshots: Snapshots<Page>, changed: () => void): void {
  const form = byId<HTMLFormElement>('prune')
  const policy = (): { last: number } => ({ last: Math.max(1, Number(new FormData(form).get('last'))) })
  onPress(byId<HTMLButtonElement>('prune-look'), async () => {
    const report = await snapshots.prune(policy(), { ...PLACE, dryRun: true })
    say(`${plural(report.removed.length, 'snapshot')} would go, ${report.kept.length} would stay.`, report)
  })
  onSubmit(form, async () => {
    const report = await snapshots.prune(policy(), PLACE)
    const { reclaimedBytes, removedPacks } = await snapshots.collect()
    say(
      `${plural(report.removed.length, 'snapshot')} went, and ${bytes(reclaimedBytes)} in ${plural(removedPacks, 'pack')} with them.`,
      report,
    )
    changed()
  })
}

function say(text: string, { kept, removed }: PruneReport): void {
  byId('prune-note').textContent = text
  const rows = [
    ...kept.map(({ info, reasons }) => ({ info, why: reasons.join(', '), goes: 'false' })),
    ...removed.map((info) => ({ info, why: 'no rule keeps it', goes: 'true' })),
  ].sort((a, b) => b.info.index - a.info.index)
  const items = rows.map(({ info, why, goes }) =>
    element(
      'li',
      { data: { goes } },
      element('strong', { text: `#${info.index}` }),
      element('span', { text: info.branch }),
      element('span', { text: why }),
    ),
  )
  byId('prune-list').replaceChildren(...items)
}
