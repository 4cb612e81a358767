import type { Command } from 'commander'
import type { BucketStats } from '../../core/features/queue/types.js'
import { formatTable } from '../output.js'
import { STORE } from '../place.js'
import { openKnownQueue } from '../unknown-name.js'
import { withStore } from '../with-store.js'
import { writeJsonLines } from '../write-out.js'

const COLUMNS = ['bucket', 'first', 'next', 'durable', 'bytes', 'segments'] as const

export function addStats(queue: Command): void {
  queue
    .command('stats')
    .description('the buckets of a queue: their oldest and next offset, how far they are durable, what they take')
    .argument('<store>', STORE)
    .argument('<queue>', 'its name')
    .option('--json', 'one line of JSON a bucket')
    .action((place: string, name: string, { json }: { json?: true }) =>
      withStore(place, 'read', async (store) => {
        const opened = await openKnownQueue(store, name)
        const { buckets } = await opened.stats()
        await opened.close()
        if (json) return writeJsonLines(buckets)
        const columns = COLUMNS.map((title) => ({ title, cell: (row: BucketStats) => row[title] }))
        console.log(formatTable(columns, buckets))
      }),
    )
}
