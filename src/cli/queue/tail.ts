import type { Command } from 'commander'
import type { Store } from '../../core/derived/resolve.js'
import type { Position } from '../../core/features/queue/types.js'
import { position, wholeNumber } from '../arguments.js'
import { untilInterrupted } from '../interrupt.js'
import { STORE } from '../place.js'
import { openKnownQueue } from '../unknown-name.js'
import { withStore } from '../with-store.js'
import { writeJsonLines, writeOut } from '../write-out.js'
import { recordTable } from './record-table.js'

interface TailFlags {
  readonly from: Position
  readonly limit?: number
  readonly json?: true
}

export function addTail(queue: Command): void {
  queue
    .command('tail')
    .description('print the records of all buckets as they come, until Ctrl-C')
    .argument('<store>', STORE)
    .argument('<queue>', 'its name')
    .option('--from <position>', 'latest, earliest, an offset, last:<n>, or a time in ISO 8601', position, 'latest')
    .option('--limit <number>', 'end after so many', wholeNumber(1))
    .option('--json', 'one line of JSON a record')
    .action((place: string, name: string, flags: TailFlags) =>
      untilInterrupted((signal) => withStore(place, 'read', (store) => printTail(store, name, flags, signal))),
    )
}

async function printTail(store: Store, name: string, { from, limit, json }: TailFlags, signal: AbortSignal): Promise<void> {
  const queue = await openKnownQueue(store, name)
  const table = recordTable()
  let left = limit ?? Number.POSITIVE_INFINITY
  for await (const record of queue.tail({ from, signal })) {
    if (json) await writeJsonLines([record])
    else await writeOut(table.format([record]))
    if (--left === 0) break
  }
  await queue.close()
}
