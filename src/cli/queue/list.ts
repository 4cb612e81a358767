import type { Command } from 'commander'
import type { Store } from '../../core/derived/resolve.js'
import { openQueue, queues } from '../../index.js'
import { formatTable } from '../output.js'
import { STORE } from '../place.js'
import { withStore } from '../with-store.js'
import { writeJsonLines } from '../write-out.js'

interface QueueRow {
  readonly queue: string
  readonly buckets: number
  readonly records: number
  readonly bytes: number
  readonly groups: number
}

export function addList(queue: Command): void {
  queue
    .command('list')
    .description('list the queues of a store')
    .argument('<store>', STORE)
    .option('--json', 'one line of JSON a queue')
    .action((place: string, { json }: { json?: true }) => withStore(place, 'read', (store) => printQueues(store, json === true)))
}

async function printQueues(store: Store, json: boolean): Promise<void> {
  const rows: QueueRow[] = []
  for (const name of await queues(store)) rows.push(await rowOf(store, name))
  if (json) return writeJsonLines(rows)
  if (rows.length === 0) return console.log('no queues')
  const columns = (['queue', 'buckets', 'records', 'bytes', 'groups'] as const).map((title) => ({
    title,
    cell: (row: QueueRow) => row[title],
  }))
  console.log(formatTable(columns, rows))
}

async function rowOf(store: Store, name: string): Promise<QueueRow> {
  const queue = await openQueue(store, name, { create: false })
  const [{ buckets }, groups] = [await queue.stats(), await queue.groups()]
  await queue.close()
  const sum = (pick: (bucket: (typeof buckets)[number]) => number): number => buckets.reduce((total, bucket) => total + pick(bucket), 0)
  return {
    queue: name,
    buckets: buckets.length,
    records: sum(({ first, next }) => next - first),
    bytes: sum(({ bytes }) => bytes),
    groups: groups.length,
  }
}
