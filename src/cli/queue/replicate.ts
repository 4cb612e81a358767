import { type Command, Option } from 'commander'
import { StorageError } from '../../core/base/errors.js'
import type { Store } from '../../core/derived/resolve.js'
import { copyQueue, queues, replicate, type QueueReplication, type ReplicateOptions, type ReplicationProgress } from '../../index.js'
import { untilInterrupted } from '../interrupt.js'
import { formatCell, formatCount, formatJson, formatTable } from '../output.js'
import { STORE } from '../place.js'
import { progressLine } from '../progress.js'
import { unknownName } from '../unknown-name.js'
import { withStore } from '../with-store.js'
import { writeJsonLines } from '../write-out.js'

interface ReplicateFlags {
  readonly live?: true
  readonly as?: string
  readonly format?: 'binary' | 'ndjson'
  readonly groups: boolean
  readonly json?: true
}

export function addReplicate(queue: Command): void {
  queue
    .command('replicate')
    .description('copy queues to another store, every record once at its offset; run again it goes on where it was')
    .argument('<from>', STORE)
    .argument('<to>', 'another one, made when it is not there')
    .argument('[queues...]', 'only these (default: all)')
    .option('--live', 'go on with what comes, until Ctrl-C')
    .option('--as <name>', 'of one queue: its name there')
    .addOption(new Option('--format <format>', 'how a new queue lies there (default: the same)').choices(['binary', 'ndjson']))
    .option('--no-groups', 'leave the groups out')
    .option('--json', 'one line of JSON a bucket; live one for each step')
    .action(runReplication)
}

async function runReplication(from: string, to: string, names: readonly string[], flags: ReplicateFlags): Promise<void> {
  const { as, live } = flags
  if (as !== undefined && (names.length !== 1 || live)) {
    throw new StorageError('invalid', '--as takes the name of one queue, and not --live', { facts: { queues: names } })
  }
  const rows = await untilInterrupted((signal) =>
    withStore(from, 'read', async (source) => {
      await checkNames(source, names)
      return withStore(to, 'create', (target) => replicateStores(source, target, { names, flags, signal }))
    }),
  )
  if (!flags.json) return console.log(reportText(rows))
  if (!live) await writeJsonLines(rows.flatMap(({ queue, buckets }) => buckets.map((bucket) => ({ queue, ...bucket }))))
}

async function checkNames(store: Store, names: readonly string[]): Promise<void> {
  const known = await queues(store)
  for (const name of names) if (!known.includes(name)) throw unknownName('queue', name, known)
}

interface Wanted {
  readonly names: readonly string[]
  readonly flags: ReplicateFlags
  readonly signal: AbortSignal
}

async function replicateStores(source: Store, target: Store, { names, flags, signal }: Wanted): Promise<readonly QueueReplication[]> {
  const { live = false, as, format, groups, json } = flags
  const line = progressLine(stepText)
  const onProgress = (step: ReplicationProgress): void => {
    if (step.error !== undefined && !json) {
      line.end()
      console.error(`queue ${formatCell(step.queue, 30)} bucket ${step.bucket}: ${step.error.message}; trying again`)
    }
    if (live && json) console.log(formatJson({ ...step, error: step.error?.message }))
    else line.update(step)
  }
  const options: ReplicateOptions = { signal, groups, onProgress, ...(format === undefined ? {} : { format }) }
  try {
    const [queue] = names
    if (as !== undefined && queue !== undefined) return [await copyQueue({ store: source, queue }, target, { ...options, as })]
    const only = names.length === 0 ? {} : { queues: names }
    return (await replicate(source, target, { ...options, ...only, live })).queues
  } finally {
    line.end()
  }
}

function stepText({ queue, bucket, records, lag }: ReplicationProgress): string {
  return `queue ${formatCell(queue, 30)} bucket ${bucket}: ${formatCount(records, 'record')} copied, ${lag} to go`
}

interface BucketRow {
  readonly queue: string
  readonly bucket: number
  readonly records: number
  readonly next: number
  readonly lag: number
  readonly notes: string
}

function reportText(all: readonly QueueReplication[]): string {
  const records = all.reduce((sum, queue) => sum + queue.records, 0)
  const rows = all.flatMap(rowsOf)
  const summary = `${formatCount(records, 'record')} copied`
  if (rows.length === 0) return summary
  const columns = (['queue', 'bucket', 'records', 'next', 'lag', 'notes'] as const).map((title) => ({
    title,
    cell: (row: BucketRow) => row[title],
  }))
  return `${formatTable(columns, rows)}\n${summary}`
}

function rowsOf({ queue, buckets, deleted }: QueueReplication): BucketRow[] {
  return buckets.map(({ bucket, records, next, lag, skipped, sealed }) => {
    const gaps = skipped.map(({ from, to }) => `${from}-${to - 1} no longer at the source`)
    const notes = [...gaps, ...(sealed ? ['sealed'] : []), ...(deleted ? ['deleted at the source'] : [])].join(', ')
    return { queue, bucket, records, next, lag, notes }
  })
}
