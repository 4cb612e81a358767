import type { Command } from 'commander'
import type { Store } from '../../core/derived/resolve.js'
import { queues } from '../../index.js'
import { formatTable } from '../output.js'
import { STORE } from '../place.js'
import { openKnownQueue } from '../unknown-name.js'
import { withStore } from '../with-store.js'
import { writeJsonLines } from '../write-out.js'
import { groupLags, type GroupLagRow } from './group-lags.js'

const COLUMNS = ['queue', 'group', 'bucket', 'committed', 'next', 'lag'] as const

export function addLag(queue: Command): void {
  queue
    .command('lag')
    .description('how far the groups are behind, bucket by bucket: of one queue, or of all')
    .argument('<store>', STORE)
    .argument('[queue]', 'only this one')
    .option('--json', 'one line of JSON a group and bucket')
    .action((place: string, name: string | undefined, { json }: { json?: true }) =>
      withStore(place, 'read', async (store) => {
        const rows = await lagsIn(store, name)
        if (json) return writeJsonLines(rows)
        const columns = COLUMNS.map((title) => ({ title, cell: (row: GroupLagRow) => row[title] }))
        console.log(rows.length === 0 ? 'no groups' : formatTable(columns, rows))
      }),
    )
}

async function lagsIn(store: Store, only: string | undefined): Promise<GroupLagRow[]> {
  const rows: GroupLagRow[] = []
  for (const name of only === undefined ? await queues(store) : [only]) {
    const opened = await openKnownQueue(store, name)
    rows.push(...(await groupLags(opened)))
    await opened.close()
  }
  return rows
}
