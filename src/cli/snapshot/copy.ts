import type { Command } from 'commander'
import type { CopyReport } from '../../core/features/snapshots/upkeep-types.js'
import { formatBytes, formatCount, formatJson } from '../output.js'
import { STORE } from '../place.js'
import { checkNames } from './check-names.js'
import { copyInto } from './copy-into.js'
import { addFilterOptions, type FilterFlags, filterOf } from './filter-options.js'
import { withSnapshots } from './with-snapshots.js'

interface CopyFlags extends FilterFlags {
  readonly json?: true
}

export function addCopy(snapshot: Command): void {
  addFilterOptions(
    snapshot
      .command('copy')
      .description('copy snapshots to another store, with their ids; run again it goes on where it was')
      .argument('<from>', STORE)
      .argument('<to>', 'another one, made when it is not there'),
  )
    .option('--json', 'the report as JSON')
    .action((from: string, to: string, flags: CopyFlags) =>
      withSnapshots(from, { mode: 'read' }, async (source, signal) => {
        const filter = filterOf(flags)
        await checkNames(source, filter)
        const report = await copyInto(to, source, filter, signal)
        console.log(flags.json ? formatJson(report) : copyText(report))
      }),
    )
}

function copyText({ copied, skipped, storedBytes }: CopyReport): string {
  const before = skipped === 0 ? '' : `, ${skipped} ${skipped === 1 ? 'was' : 'were'} there before`
  return `${formatCount(copied, 'snapshot')} copied${before}; added ${formatBytes(storedBytes)}`
}
