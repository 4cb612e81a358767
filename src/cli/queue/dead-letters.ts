import type { Command } from 'commander'
import type { Store } from '../../core/derived/resolve.js'
import type { Queue } from '../../core/features/queue/types.js'
import { queues, returnDeadLetters } from '../../index.js'
import { wholeNumber } from '../arguments.js'
import { formatCell, formatCount, formatJson, formatTime, GrowingTable } from '../output.js'
import { STORE } from '../place.js'
import { openKnownQueue, unknownName } from '../unknown-name.js'
import { withStore } from '../with-store.js'
import { writeJsonLines, writeOut } from '../write-out.js'
import { type Letter, lettersIn } from './letters.js'

interface DeadLetterFlags {
  readonly return?: string | true
  readonly limit?: number
  readonly json?: true
}

const SHOWN = 20

export function addDeadLetters(queue: Command): void {
  queue
    .command('dead-letters')
    .description('the records that a group has given up and nobody has put back, with the reason; or puts them back')
    .argument('<store>', STORE)
    .argument('<queue>', 'the one that holds dead letters')
    .option('--return [queue]', 'append them again to this one, or each to the one that it came from; once, however often it is run')
    .option('--limit <number>', `how many (default: all, in a table ${SHOWN})`, wholeNumber(1))
    .option('--json', 'one line of JSON a dead letter; with --return one queue')
    .action(runDeadLetters)
}

function runDeadLetters(place: string, name: string, flags: DeadLetterFlags): Promise<void> {
  const { return: to } = flags
  return withStore(place, to === undefined ? 'read' : 'write', async (store) => {
    const queue = await openKnownQueue(store, name)
    if (to === undefined) await printLetters(queue, flags)
    else await returnLetters(store, queue, to, flags)
    await queue.close()
  })
}

async function printLetters(
  queue: Queue<unknown>,
  { json, limit = json ? Number.POSITIVE_INFINITY : SHOWN }: DeadLetterFlags,
): Promise<void> {
  const table = letterTable()
  let count = 0
  for await (const one of lettersIn(queue)) {
    if (json) await writeJsonLines([{ ...one.record, letter: one.letter }])
    else await writeOut(table.format([one]))
    if (++count === limit) return
  }
  if (count === 0 && !json) console.log('no dead letters')
}

function letterTable(): GrowingTable<Letter> {
  return new GrowingTable<Letter>([
    { title: 'bucket', cell: ({ record }) => record.bucket },
    { title: 'offset', cell: ({ record }) => record.offset },
    { title: 'given up', cell: ({ record, letter }) => formatTime(letter?.time ?? record.timestamp) },
    {
      title: 'from',
      cell: ({ letter }) => (letter === undefined ? '-' : `${formatCell(letter.queue, 30)} ${letter.bucket}:${letter.offset}`),
    },
    { title: 'group', cell: ({ letter }) => (letter === undefined ? '-' : formatCell(letter.group, 30)) },
    { title: 'deliveries', cell: ({ letter }) => letter?.deliveries ?? '-' },
    { title: 'reason', cell: ({ letter }) => (letter === undefined ? '-' : formatCell(letter.reason, 60)) },
  ])
}

interface Returned {
  readonly queue: string
  readonly returned: number
}

async function returnLetters(store: Store, letters: Queue<unknown>, to: string | true, flags: DeadLetterFlags): Promise<void> {
  const known = await queues(store)
  const names = to === true ? await origins(letters) : [to]
  for (const name of names) if (!known.includes(name)) throw unknownName('queue', name, known)
  const rows: Returned[] = []
  let left = flags.limit ?? Number.POSITIVE_INFINITY
  for (const name of names) {
    if (left === 0) break
    const queue = await openKnownQueue(store, name)
    const filter = to === true ? {} : { filter: () => true }
    const { returned } = await returnDeadLetters(letters, queue, {
      ...filter,
      ...(left === Number.POSITIVE_INFINITY ? {} : { limit: left }),
    })
    await queue.close()
    left -= returned
    rows.push({ queue: name, returned })
  }
  if (flags.json) return writeJsonLines(rows)
  for (const { queue, returned } of rows) console.log(`${formatCount(returned, 'record')} put back into ${formatJson(queue)}`)
  if (rows.length === 0) console.log('no dead letters')
}

async function origins(letters: Queue<unknown>): Promise<readonly string[]> {
  const names = new Set<string>()
  for await (const { letter } of lettersIn(letters)) if (letter !== undefined) names.add(letter.queue)
  return [...names].sort()
}
