import type { Command } from 'commander'
import { openQueue } from '../index.js'
import type { Queue, RecordInput } from '../core/features/queue/types.js'
import { wholeNumber } from './arguments.js'
import { UsageError } from './failures.js'
import { readJsonLines } from './ndjson.js'
import { formatJson } from './output.js'
import { withStore } from './with-store.js'

interface AppendFlags {
  readonly buckets?: number
  readonly key?: string
  readonly skipBadLines?: true
  readonly json?: true
}

interface Appended {
  readonly records: number
  readonly skipped: number
}

const BATCH = 1000

export function addAppend(program: Command): void {
  program
    .command('append')
    .description('append records from standard input, one JSON text a line; makes the queue when it is not there')
    .argument('<directory>', 'where the store lies')
    .argument('<queue>', 'its name')
    .option('--buckets <number>', 'of a new queue', wholeNumber(1))
    .option('--key <field>', 'the field whose text is the key of a record')
    .option('--skip-bad-lines', 'pass over lines that are not JSON and count them')
    .option('--json', 'the result as JSON')
    .action(appendFromInput)
}

async function appendFromInput(directory: string, name: string, flags: AppendFlags): Promise<void> {
  const done = await withStore(directory, 'write', async (store) => {
    const queue = await openQueue<unknown>(store, name, flags.buckets === undefined ? {} : { buckets: flags.buckets })
    return await appendAll(queue, flags)
  })
  if (flags.json) console.log(formatJson(done))
  else console.log(`${done.records} records appended${done.skipped > 0 ? `, ${done.skipped} lines passed over` : ''}`)
}

async function appendAll(queue: Queue<unknown>, flags: AppendFlags): Promise<Appended> {
  let batch: RecordInput<unknown>[] = []
  let records = 0
  let skipped = 0
  const flush = async (): Promise<void> => {
    if (batch.length > 0) await queue.appendRecords(batch)
    records += batch.length
    batch = []
  }
  for await (const entry of readJsonLines(process.stdin)) {
    if ('problem' in entry) {
      if (!flags.skipBadLines) {
        await flush()
        throw new Error(
          `line ${entry.line} ${entry.problem}. ${records} records before it were appended; --skip-bad-lines passes over such lines.`,
        )
      }
      skipped++
      continue
    }
    batch.push(recordOf(entry.value, entry.line, flags.key))
    if (batch.length === BATCH) await flush()
  }
  await flush()
  return { records, skipped }
}

function recordOf(value: unknown, line: number, field: string | undefined): RecordInput<unknown> {
  if (field === undefined) return { value }
  const key = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[field] : undefined
  if (typeof key !== 'string' && typeof key !== 'number') throw new UsageError(`line ${line} has no text or number in field ${field}`)
  return { value, key: String(key) }
}
