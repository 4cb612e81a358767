import type { Command } from 'commander'
import type { Store } from '../core/derived/resolve.js'
import type { Position, Queue, StoredRecord } from '../core/features/queue/types.js'
import { position, wholeNumber } from './arguments.js'
import { formatCell, formatTable, formatTime, printJsonLines } from './output.js'
import { openKnownQueue } from './unknown-name.js'
import { withStore } from './with-store.js'

interface ReadFlags {
  readonly bucket?: number
  readonly from: Position
  readonly limit: number
  readonly json?: true
}

/** What one call of `read` gives at most. */
const PAGE = 1000

export function addRead(program: Command): void {
  program
    .command('read')
    .description('print records of a queue: of one bucket, or of all, bucket after bucket')
    .argument('<directory>', 'where the store lies')
    .argument('<queue>', 'its name')
    .option('--bucket <number>', 'only this one', wholeNumber(0))
    .option('--from <position>', 'earliest, latest, an offset, last:<n>, or a time in ISO 8601', position, 'earliest')
    .option('--limit <number>', 'how many records of each bucket', wholeNumber(1), 20)
    .option('--json', 'one line of JSON a record')
    .action((directory: string, name: string, flags: ReadFlags) =>
      withStore(directory, 'read', (store) => printRecords(store, name, flags)),
    )
}

async function printRecords(store: Store, name: string, flags: ReadFlags): Promise<void> {
  const queue = await openKnownQueue(store, name)
  const buckets = flags.bucket === undefined ? Array.from({ length: queue.buckets }, (_, i) => i) : [flags.bucket]
  const shown: StoredRecord<unknown>[] = []
  for (const bucket of buckets) {
    for await (const records of pages(queue, bucket, flags)) {
      if (flags.json) printJsonLines(records)
      else shown.push(...records)
    }
  }
  await queue.close()
  if (!flags.json) console.log(shown.length === 0 ? 'no records' : recordTable(shown))
}

async function* pages(queue: Queue<unknown>, bucket: number, flags: ReadFlags): AsyncGenerator<readonly StoredRecord<unknown>[]> {
  let from = flags.from
  for (let left = flags.limit; left > 0; ) {
    const records = await queue.read({ bucket, from, limit: Math.min(left, PAGE) })
    const last = records.at(-1)
    if (last === undefined) return
    yield records
    left -= records.length
    from = last.offset + 1
  }
}

function recordTable(records: readonly StoredRecord<unknown>[]): string {
  return formatTable<StoredRecord<unknown>>(
    [
      { title: 'bucket', cell: (record) => record.bucket },
      { title: 'offset', cell: (record) => record.offset },
      { title: 'time', cell: (record) => formatTime(record.timestamp) },
      { title: 'key', cell: (record) => (record.key === undefined ? '' : formatCell(record.key, 24)) },
      { title: 'value', cell: (record) => (record.value === undefined ? '(tombstone)' : formatCell(record.value)) },
    ],
    records,
  )
}
