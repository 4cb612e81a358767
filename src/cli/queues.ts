import type { Command } from 'commander'
import { openQueue, queues } from '../index.js'
import type { Store } from '../core/derived/resolve.js'
import { formatTable, printJsonLines } from './output.js'
import { withStore } from './with-store.js'

interface QueueRow {
  readonly queue: string
  readonly buckets: number
  readonly records: number
  readonly bytes: number
  readonly groups: number
}

export function addQueues(program: Command): void {
  program
    .command('queues')
    .description('list the queues of a store')
    .argument('<directory>', 'where the store lies')
    .option('--json', 'one line of JSON a queue')
    .action((directory: string, options: { json?: true }) =>
      withStore(directory, 'read', (store) => printQueues(store, options.json === true)),
    )
}

async function printQueues(store: Store, json: boolean): Promise<void> {
  const rows: QueueRow[] = []
  for await (const name of await queues(store)) rows.push(await rowOf(store, name))
  if (json) return printJsonLines(rows)
  if (rows.length === 0) return console.log('no queues')
  console.log(
    formatTable<QueueRow>(
      [
        { title: 'queue', cell: (row) => row.queue },
        { title: 'buckets', cell: (row) => row.buckets },
        { title: 'records', cell: (row) => row.records },
        { title: 'bytes', cell: (row) => row.bytes },
        { title: 'groups', cell: (row) => row.groups },
      ],
      rows,
    ),
  )
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
