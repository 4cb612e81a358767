import type { Command } from 'commander'
import { openSnapshots } from '../index.js'
import type { SnapshotFilter, SnapshotInfo, Snapshots } from '../core/features/snapshots/types.js'
import { wholeNumber } from './arguments.js'
import { formatJson, formatTable, formatTime } from './output.js'
import { unknownName } from './unknown-name.js'
import { STORE } from './place.js'
import { withStore } from './with-store.js'

interface ListFlags extends Pick<SnapshotFilter, 'agent' | 'session' | 'branch' | 'tag' | 'limit'> {
  readonly json?: true
}

export function addSnapshots(program: Command): void {
  const snapshots = program.command('snapshots').description('look at snapshots')
  snapshots
    .command('list')
    .description('list snapshots, newest first')
    .argument('<store>', STORE)
    .option('--agent <name>', 'only of this agent')
    .option('--session <name>', 'only of this session')
    .option('--branch <name>', 'only of this branch')
    .option('--tag <name>', 'only with this tag')
    .option('--limit <number>', 'how many', wholeNumber(1))
    .option('--json', 'one line of JSON a snapshot')
    .action(printSnapshots)
}

async function printSnapshots(directory: string, { json, ...filter }: ListFlags): Promise<void> {
  await withStore(directory, 'read', async (store) => {
    const snapshots = await openSnapshots(store)
    const infos: SnapshotInfo[] = []
    let found = 0
    for await (const info of snapshots.list(filter)) {
      found++
      if (json) console.log(formatJson(info))
      else infos.push(info)
    }
    if (found === 0) await checkFilter(snapshots, filter)
    if (!json) console.log(infos.length === 0 ? 'no snapshots' : infoTable(infos))
  })
}

const FILTERS = ['agent', 'session', 'branch', 'tag'] as const

/** Which name of a filter that left nothing is not there, beside those before it. */
async function checkFilter(snapshots: Snapshots<unknown>, filter: SnapshotFilter): Promise<void> {
  const passed: Partial<Record<(typeof FILTERS)[number], string>> = {}
  for (const kind of FILTERS) {
    const name = filter[kind]
    if (name === undefined) continue
    const known = new Set<string>()
    for await (const info of snapshots.list(passed)) for (const one of kind === 'tag' ? info.tags : [info[kind]]) known.add(one)
    if (!known.has(name)) throw unknownName(kind, name, [...known].sort())
    passed[kind] = name
  }
}

function infoTable(infos: readonly SnapshotInfo[]): string {
  return formatTable<SnapshotInfo>(
    [
      { title: 'id', cell: ({ id }) => id },
      { title: 'agent', cell: ({ agent }) => agent },
      { title: 'session', cell: ({ session }) => session },
      { title: 'branch', cell: ({ branch }) => branch },
      { title: 'index', cell: ({ index }) => index },
      { title: 'time', cell: ({ timestamp }) => formatTime(timestamp) },
      { title: 'bytes', cell: ({ bytes }) => bytes },
      { title: 'stored', cell: ({ storedBytes }) => storedBytes },
    ],
    infos,
  )
}
