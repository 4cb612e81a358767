import type { Command } from 'commander'
import { openQueue } from '../index.js'
import type { Queue, RecordInput } from '../core/features/queue/types.js'
import { wholeNumber } from './arguments.js'
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
    .option('--skip-bad-lines', 'pass over lines that are no record, and count them')
    .option('--json', 'the result as JSON')
    .action(appendFromInput)
}

async function appendFromInput(directory: string, name: string, flags: AppendFlags): Promise<void> {
  const done = await withStore(directory, 'create', async (store) => {
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
  try {
    for await (const entry of readRecords(flags.key)) {
      if ('record' in entry) {
        if (batch.push(entry.record) === BATCH) await flush()
      } else if (flags.skipBadLines) {
        skipped++
      } else {
        await flush()
        throw new Error(`line ${entry.line} ${entry.problem}; --skip-bad-lines passes over such lines`)
      }
    }
    await flush()
  } catch (error) {
    console.error(`stopped: ${records} records before this were appended`)
    throw error
  }
  return { records, skipped }
}

type Entry = { readonly record: RecordInput<unknown> } | { readonly line: number; readonly problem: string }

async function* readRecords(keyField: string | undefined): AsyncGenerator<Entry> {
  for await (const entry of readJsonLines(process.stdin)) {
    if ('problem' in entry) yield entry
    else if (keyField === undefined) yield { record: { value: entry.value } }
    else yield keyed(entry.value, entry.line, keyField)
  }
}

function keyed(value: unknown, line: number, field: string): Entry {
  const key = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[field] : undefined
  if (typeof key !== 'string' && typeof key !== 'number') return { line, problem: `has no text or number in its field ${field}` }
  return { record: { value, key: String(key) } }
}
