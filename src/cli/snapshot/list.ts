import type { Command } from 'commander'
import type { SnapshotInfo } from '../../core/features/snapshots/types.js'
import { wholeNumber } from '../arguments.js'
import { ANOMALIES, type SetExitCode } from '../exit-codes.js'
import { STORE } from '../place.js'
import { writeJsonLines } from '../write-out.js'
import { checkNames } from './check-names.js'
import { addFilterOptions, type FilterFlags, filterOf } from './filter-options.js'
import { infoName, infoTable } from './info-table.js'
import { findSnapshot } from './which.js'
import { withSnapshots } from './with-snapshots.js'

interface ListFlags extends FilterFlags {
  readonly afterId?: string
  readonly limit?: number
  readonly json?: true
}

export function addList(snapshot: Command, setExitCode: SetExitCode): void {
  addFilterOptions(
    snapshot
      .command('list')
      .description('list snapshots, newest first; bytes are what the state takes, added is what saving it added to the store')
      .argument('<store>', STORE),
  )
    .option('--limit <number>', 'how many', wholeNumber(1))
    .option('--after-id <snapshot>', 'go on behind this one')
    .option('--json', 'one line of JSON a snapshot')
    .action(async (place: string, flags: ListFlags) => {
      const damaged = await printSnapshots(place, flags)
      for (const info of damaged) console.error(`damaged: ${info.id}, ${infoName(info)}: ${info.damaged}`)
      if (damaged.length === 0) return
      console.error('what is lost: varve snapshot verify; what can be mended: varve snapshot repair')
      setExitCode(ANOMALIES)
    })
}

/** Those that are damaged. */
function printSnapshots(place: string, flags: ListFlags): Promise<readonly SnapshotInfo[]> {
  return withSnapshots(place, { mode: 'read' }, async (snapshots, signal) => {
    const { afterId, limit, json } = flags
    const filter = filterOf(flags)
    const start = afterId === undefined ? {} : { startAfter: (await findSnapshot(snapshots, afterId, signal)).id }
    const infos: SnapshotInfo[] = []
    const damaged: SnapshotInfo[] = []
    let found = 0
    // One more than is shown: it says that there are more.
    const most = limit === undefined ? {} : { limit: limit + 1 }
    for await (const info of snapshots.list({ ...filter, ...start, ...most, signal })) {
      if (found++ === limit) break
      if (info.damaged !== undefined) damaged.push(info)
      if (json) await writeJsonLines([info])
      else infos.push(info)
    }
    if (found === 0 && afterId === undefined) await checkNames(snapshots, filter)
    if (json) return damaged
    console.log(infos.length === 0 ? 'no snapshots' : infoTable(infos.map((info) => ({ info }))))
    if (limit !== undefined && found > limit) console.error(`there are more: --after-id ${infos.at(-1)?.id}`)
    return damaged
  })
}
