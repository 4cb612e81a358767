import type { Command } from 'commander'
import type { Store } from '../core/derived/resolve.js'
import type { BucketStats, Queue } from '../core/features/queue/types.js'
import { formatJson, formatTable } from './output.js'
import { openKnownQueue } from './unknown-name.js'
import { withStore } from './with-store.js'

interface GroupRow {
  readonly group: string
  readonly lag: number
  readonly committed: readonly number[]
}

export function addStats(program: Command): void {
  program
    .command('stats')
    .description('the buckets of a queue with their offsets, and its groups with their lag')
    .argument('<directory>', 'where the store lies')
    .argument('<queue>', 'its name')
    .option('--json', 'one JSON text')
    .action((directory: string, name: string, options: { json?: true }) =>
      withStore(directory, 'read', (store) => printStats(store, name, options.json === true)),
    )
}

async function printStats(store: Store, name: string, json: boolean): Promise<void> {
  const queue = await openKnownQueue(store, name)
  const { buckets } = await queue.stats()
  const groups = await groupRows(queue)
  await queue.close()
  if (json) return console.log(formatJson({ queue: name, buckets, groups }))
  console.log(
    formatTable<BucketStats>(
      BUCKET_COLUMNS.map((title) => ({ title, cell: (row) => row[title] })),
      buckets,
    ),
  )
  if (groups.length === 0) return
  console.log(
    `\n${formatTable<GroupRow>(
      [
        { title: 'group', cell: (row) => row.group },
        { title: 'lag', cell: (row) => row.lag },
        { title: 'committed', cell: (row) => row.committed.join(' ') },
      ],
      groups,
    )}`,
  )
}

const BUCKET_COLUMNS = ['bucket', 'first', 'next', 'durable', 'bytes', 'segments'] as const

async function groupRows(queue: Queue<unknown>): Promise<GroupRow[]> {
  const rows: GroupRow[] = []
  for (const name of await queue.groups()) {
    const group = await queue.group(name)
    rows.push({ group: name, lag: (await group.lag()).total, committed: await group.committed() })
  }
  return rows
}
