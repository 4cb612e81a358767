import type { Command } from 'commander'
import type { Queue, RecordInput } from '../../core/features/queue/types.js'
import { openQueue } from '../../index.js'
import { wholeNumber } from '../arguments.js'
import { readInput } from '../file-input.js'
import { readJsonLines } from '../ndjson.js'
import { formatBytes, formatCount, formatJson } from '../output.js'
import { STORE } from '../place.js'
import { progressLine } from '../progress.js'
import { withStore } from '../with-store.js'
import { inputOf, type InputFlags } from './record-input.js'

interface AppendFlags extends InputFlags {
  readonly buckets?: number
  readonly skipBadLines?: true
  readonly json?: true
}

interface Appended {
  records: number
  /** Of those: stored before, by their ids. */
  duplicates: number
  skipped: number
  bytes: number
}

/** So much is appended at once. */
const BATCH_RECORDS = 1_000
const BATCH_BYTES = 4 * 1024 * 1024

export function addAppend(queue: Command): void {
  queue
    .command('append')
    .description('append records from files or standard input, one JSON text a line; makes the queue when it is not there')
    .argument('<store>', STORE)
    .argument('<queue>', 'its name')
    .argument('[files...]', 'read in this order; - or none is standard input')
    .option('--buckets <number>', 'of a new queue', wholeNumber(1))
    .option('--key <field>', 'the field whose text or number is the key of a record')
    .option(
      '--id <field>',
      'the field whose text or number is its id: within the dedupe window it is stored once, also when this is run again',
    )
    .option('--records', 'a line is a record as `read --json` prints it: {"value", "key", "headers"}')
    .option('--skip-bad-lines', 'pass over lines that are no record, and count them')
    .option('--json', 'the result as JSON')
    .action(appendFromFiles)
}

async function appendFromFiles(place: string, name: string, files: readonly string[], flags: AppendFlags): Promise<void> {
  const done = await withStore(place, 'create', async (store) => {
    const queue = await openQueue<unknown>(store, name, flags.buckets === undefined ? {} : { buckets: flags.buckets })
    return await appendAll(queue, files.length === 0 ? ['-'] : files, flags)
  })
  const { records, skipped, duplicates } = done
  if (flags.json) return console.log(formatJson({ records, skipped, ...(flags.id === undefined ? {} : { duplicates }) }))
  const before = duplicates > 0 ? `, ${duplicates} of them had been stored before` : ''
  console.log(`${formatCount(records, 'record')} appended${before}${skipped > 0 ? `, ${formatCount(skipped, 'line')} passed over` : ''}`)
}

async function appendAll(queue: Queue<unknown>, files: readonly string[], flags: AppendFlags): Promise<Appended> {
  const done: Appended = { records: 0, duplicates: 0, skipped: 0, bytes: 0 }
  const { update, end } = progressLine(
    ({ records, bytes }: Appended) => `${formatCount(records, 'record')} appended, ${formatBytes(bytes)} read`,
  )
  try {
    for (const file of files) await appendFile(queue, file, flags, done, update)
    return done
  } catch (error) {
    console.error(`stopped: ${formatCount(done.records, 'record')} before this ${done.records === 1 ? 'was' : 'were'} appended`)
    throw error
  } finally {
    end()
  }
}

async function appendFile(
  queue: Queue<unknown>,
  file: string,
  flags: AppendFlags,
  done: Appended,
  update: (done: Appended) => void,
): Promise<void> {
  let batch: RecordInput<unknown>[] = []
  let bytes = 0
  const flush = async (): Promise<void> => {
    const receipts = batch.length === 0 ? [] : await queue.appendRecords(batch)
    done.records += batch.length
    done.duplicates += receipts.filter(({ duplicate }) => duplicate).length
    batch = []
    bytes = 0
    update(done)
  }
  for await (const line of readJsonLines(readInput(file, 'one JSON text a line'))) {
    const input = inputOf(line, flags)
    done.bytes += line.length
    bytes += line.length
    if ('record' in input) batch.push(input.record)
    else if (flags.skipBadLines) done.skipped++
    else {
      await flush()
      throw new Error(`${file === '-' ? '' : `${file} `}line ${line.line} ${input.problem}; --skip-bad-lines passes over such lines`)
    }
    if (batch.length >= BATCH_RECORDS || bytes >= BATCH_BYTES) await flush()
  }
  await flush()
}
