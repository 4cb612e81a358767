import type { Command } from 'commander'
import type { Store } from '../../core/derived/resolve.js'
import type { Group, PendingRecord } from '../../core/features/queue/group-types.js'
import type { Queue } from '../../core/features/queue/types.js'
import { wholeNumber } from '../arguments.js'
import { formatCell, formatDuration, GrowingTable } from '../output.js'
import { STORE } from '../place.js'
import { openKnownQueue, unknownName } from '../unknown-name.js'
import { withStore } from '../with-store.js'
import { writeJsonLines, writeOut } from '../write-out.js'

interface PendingFlags {
  readonly bucket?: number
  readonly limit?: number
  readonly json?: true
}

const SHOWN = 20
const PAGE = 1_000

export function addPending(queue: Command): void {
  queue
    .command('pending')
    .description('what a group has delivered and nobody has acknowledged: who has it, for how long, how often')
    .argument('<store>', STORE)
    .argument('<queue>', 'its name')
    .argument('<group>', 'of its consumers')
    .option('--bucket <number>', 'only this one', wholeNumber(0))
    .option('--limit <number>', `how many (default: ${SHOWN}, with --json all)`, wholeNumber(1))
    .option('--json', 'one line of JSON a record')
    .action((place: string, name: string, group: string, flags: PendingFlags) =>
      withStore(place, 'read', (store) => printPending(store, name, group, flags)),
    )
}

async function printPending(store: Store, name: string, groupName: string, flags: PendingFlags): Promise<void> {
  const queue = await openKnownQueue(store, name)
  const group = await openKnownGroup(queue, groupName)
  const table = pendingTable()
  let count = 0
  for await (const page of pages(group, flags)) {
    count += page.length
    if (flags.json) await writeJsonLines(page)
    else await writeOut(table.format(page))
  }
  await queue.close()
  if (count === 0 && !flags.json) console.log('nothing pending')
}

async function openKnownGroup(queue: Queue<unknown>, name: string): Promise<Group<unknown>> {
  const known = await queue.groups()
  if (!known.includes(name)) throw unknownName('group', name, known)
  return queue.group(name, { create: false })
}

async function* pages(group: Group<unknown>, { bucket, limit, json }: PendingFlags): AsyncGenerator<readonly PendingRecord[]> {
  let after: PendingRecord | undefined
  for (let left = limit ?? (json ? Number.POSITIVE_INFINITY : SHOWN); left > 0; ) {
    const from = after === undefined ? {} : { after: { bucket: after.bucket, offset: after.offset } }
    const page = await group.pending({ ...from, ...(bucket === undefined ? {} : { bucket }), limit: Math.min(left, PAGE) })
    after = page.at(-1)
    if (after === undefined) return
    yield page
    left -= page.length
  }
}

function pendingTable(): GrowingTable<PendingRecord> {
  return new GrowingTable<PendingRecord>([
    { title: 'bucket', cell: ({ bucket }) => bucket },
    { title: 'offset', cell: ({ offset }) => offset },
    { title: 'consumer', cell: ({ consumer }) => formatCell(consumer, 30) },
    { title: 'idle', cell: ({ idleMs }) => formatDuration(idleMs) },
    { title: 'deliveries', cell: ({ deliveries }) => deliveries },
    { title: 'reason', cell: ({ reason }) => (reason === undefined ? '' : formatCell(reason, 60)) },
  ])
}
