import { type Command, Option } from 'commander'
import { copyQueue, type QueueReplication, queues } from '../index.js'
import { formatCount, formatJson } from './output.js'
import { unknownName } from './unknown-name.js'
import { withStore } from './with-store.js'

interface CopyFlags {
  readonly as?: string
  readonly format?: 'binary' | 'ndjson'
  readonly json?: true
}

export function addCopy(program: Command): void {
  program
    .command('copy')
    .description('make a queue again in another directory, record for record, also in another format')
    .argument('<directory>', 'where the store lies')
    .argument('<queue>', 'its name')
    .argument('<to-directory>', 'another store, made when it is not there')
    .option('--as <name>', 'its name there (default: the same)')
    .addOption(new Option('--format <format>', 'how it lies there (default: binary)').choices(['binary', 'ndjson']))
    .option('--json', 'the result as JSON')
    .action(copy)
}

async function copy(directory: string, queue: string, to: string, { json, ...options }: CopyFlags): Promise<void> {
  const report = await withStore(directory, 'read', async (store) => {
    const known = await queues(store)
    if (!known.includes(queue)) throw unknownName('queue', queue, known)
    return withStore(to, 'create', (target) => copyQueue({ store, queue }, target, options))
  })
  console.log(json ? formatJson(report) : reportText(report))
}

function reportText({ records, buckets }: QueueReplication): string {
  const places = buckets.map(({ bucket, next }) => `bucket ${bucket}: to offset ${next}`)
  return [`${formatCount(records, 'record')} copied`, ...places].join('\n')
}
