import type { Command } from 'commander'
import { formatCell, formatTable } from '../output.js'
import { STORE } from '../place.js'
import { openKnownQueue } from '../unknown-name.js'
import { withStore } from '../with-store.js'
import { writeJsonLines } from '../write-out.js'
import { groupLags, type GroupLagRow } from './group-lags.js'

interface GroupRow {
  readonly group: string
  readonly lag: number
  readonly committed: readonly number[]
}

export function addGroups(queue: Command): void {
  queue
    .command('groups')
    .description('the groups of a queue: what each has not acknowledged yet, and the offset of each bucket up to which it has')
    .argument('<store>', STORE)
    .argument('<queue>', 'its name')
    .option('--json', 'one line of JSON a group')
    .action((place: string, name: string, { json }: { json?: true }) =>
      withStore(place, 'read', async (store) => {
        const opened = await openKnownQueue(store, name)
        const rows = byGroup(await groupLags(opened))
        await opened.close()
        if (json) return writeJsonLines(rows)
        console.log(rows.length === 0 ? 'no groups' : groupTable(rows))
      }),
    )
}

function byGroup(rows: readonly GroupLagRow[]): GroupRow[] {
  const groups = new Map<string, GroupRow>()
  for (const { group, lag, committed } of rows) {
    const before = groups.get(group) ?? { group, lag: 0, committed: [] }
    groups.set(group, { group, lag: before.lag + lag, committed: [...before.committed, committed] })
  }
  return [...groups.values()]
}

function groupTable(rows: readonly GroupRow[]): string {
  return formatTable<GroupRow>(
    [
      { title: 'group', cell: (row) => row.group },
      { title: 'lag', cell: (row) => row.lag },
      { title: 'committed', cell: (row) => formatCell(row.committed).slice(1, -1).replaceAll(',', ' ') },
    ],
    rows,
  )
}
