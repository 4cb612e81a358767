import type { Command } from 'commander'
import { contextOf, type Store } from '../core/derived/resolve.js'
import type { CompactionReport } from '../core/features/queue/types.js'
import { StorageError } from '../core/base/errors.js'
import { openQueue, queues } from '../index.js'
import { wholeNumber } from './arguments.js'
import { formatTable, nameText } from './output.js'
import { unknownName } from './unknown-name.js'
import { directoryOf } from './place.js'
import { withStore } from './with-store.js'
import { writeJsonLines } from './write-out.js'

interface CompactFlags {
  readonly byKey?: true
  readonly tombstoneMs?: number
  readonly json?: true
}

interface CompactedQueue extends CompactionReport {
  readonly queue: string
}

export function addCompact(program: Command): void {
  program
    .command('compact')
    .description('free what was trimmed, and with --by-key all but the newest record of each key; offsets stay as they are')
    .argument('<directory>', 'where the store lies', directoryOf)
    .argument('[queue]', 'only this one')
    .option('--by-key', 'keep the last record of each key only')
    .option('--tombstone-ms <number>', 'with --by-key: how long to keep tombstones (default: a day)', wholeNumber(0))
    .option('--json', 'one line of JSON a queue')
    .action(compactQueues)
}

async function compactQueues(directory: string, only: string | undefined, flags: CompactFlags): Promise<void> {
  if (flags.tombstoneMs !== undefined && !flags.byKey) {
    throw new StorageError('invalid', '--tombstone-ms goes with --by-key: nothing else looks at tombstones')
  }
  const rows = await withStore(directory, 'write', async (store) => {
    await contextOf(store).writable('compact')
    const compacted: CompactedQueue[] = []
    for (const name of await chosen(store, only)) compacted.push(await compactQueue(store, name, flags))
    return compacted
  })
  if (flags.json) await writeJsonLines(rows)
  else console.log(rows.length === 0 ? 'no queues' : reportTable(rows))
}

async function chosen(store: Store, only: string | undefined): Promise<readonly string[]> {
  const known = await queues(store)
  if (only === undefined) return known
  if (!known.includes(only)) throw unknownName('queue', only, known)
  return [only]
}

async function compactQueue(store: Store, name: string, { byKey, tombstoneMs }: CompactFlags): Promise<CompactedQueue> {
  const options = { ...(byKey ? { compaction: 'key' as const } : {}), ...(tombstoneMs === undefined ? {} : { tombstoneMs }) }
  const queue = await openQueue(store, name, { create: false, ...options })
  try {
    return { queue: name, ...(await queue.compact()) }
  } finally {
    await queue.close()
  }
}

function reportTable(rows: readonly CompactedQueue[]): string {
  return formatTable<CompactedQueue>(
    [
      { title: 'queue', cell: ({ queue }) => nameText(queue) },
      { title: 'backend', cell: ({ backend }) => backend },
      { title: 'records', cell: ({ beforeRecords }) => beforeRecords },
      { title: 'after', cell: ({ afterRecords }) => afterRecords },
      { title: 'removed', cell: ({ removedRecords }) => removedRecords },
      { title: 'bytes', cell: ({ beforeBytes }) => beforeBytes },
      { title: 'after', cell: ({ afterBytes }) => afterBytes },
      { title: 'reclaimed', cell: ({ reclaimedBytes }) => reclaimedBytes },
    ],
    rows,
  )
}
