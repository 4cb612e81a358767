import type { Command } from 'commander'
import type { Store } from '../../core/derived/resolve.js'
import type { Position, Queue, StoredRecord } from '../../core/features/queue/types.js'
import { position, wholeNumber } from '../arguments.js'
import { STORE } from '../place.js'
import { formatCount } from '../output.js'
import { progressLine } from '../progress.js'
import { openKnownQueue } from '../unknown-name.js'
import { withStore } from '../with-store.js'
import { writeJsonLines, writeOut } from '../write-out.js'
import { recordTable } from './record-table.js'

interface ReadFlags {
  readonly bucket?: number
  readonly from: Position
  readonly limit?: number
  readonly json?: true
}

/** What a person wants to see of each bucket; a program gets all. */
const SHOWN = 20
const PAGE = 1_000

export function addRead(queue: Command): void {
  queue
    .command('read')
    .description('print the records of a queue: of one bucket, or of all, bucket after bucket')
    .argument('<store>', STORE)
    .argument('<queue>', 'its name')
    .option('--bucket <number>', 'only this one', wholeNumber(0))
    .option('--from <position>', 'earliest, latest, an offset, last:<n>, or a time in ISO 8601', position, 'earliest')
    .option('--limit <number>', `how many records of each bucket (default: ${SHOWN}, with --json all)`, wholeNumber(1))
    .option('--json', 'one line of JSON a record')
    .action((place: string, name: string, flags: ReadFlags) => withStore(place, 'read', (store) => printRecords(store, name, flags)))
}

async function printRecords(store: Store, name: string, flags: ReadFlags): Promise<void> {
  const queue = await openKnownQueue(store, name)
  const buckets = flags.bucket === undefined ? Array.from({ length: queue.buckets }, (_, i) => i) : [flags.bucket]
  const table = recordTable()
  const { update, end } = progressLine((records: number) => `${formatCount(records, 'record')} read`)
  let records = 0
  for (const bucket of buckets) {
    for await (const page of pages(queue, bucket, flags)) {
      records += page.length
      if (!process.stdout.isTTY) update(records)
      if (flags.json) await writeJsonLines(page)
      else await writeOut(table.format(page))
    }
  }
  end()
  await queue.close()
  if (records === 0 && !flags.json) console.log('no records')
}

async function* pages(
  queue: Queue<unknown>,
  bucket: number,
  { from: start, limit, json }: ReadFlags,
): AsyncGenerator<readonly StoredRecord<unknown>[]> {
  let from = start
  for (let left = limit ?? (json ? Number.POSITIVE_INFINITY : SHOWN); left > 0; ) {
    const records = await queue.read({ bucket, from, limit: Math.min(left, PAGE) })
    const last = records.at(-1)
    if (last === undefined) return
    yield records
    left -= records.length
    from = last.offset + 1
  }
}
