import type { Command } from 'commander'
import type { CopyReport } from '../../core/features/snapshots/upkeep-types.js'
import { formatBytes, formatCount, formatJson } from '../output.js'
import { STORE } from '../place.js'
import { checkNames } from './check-names.js'
import { copyInto } from './copy-into.js'
import { addFilterOptions, type FilterFlags, filterOf } from './filter-options.js'
import { withSnapshots } from './with-snapshots.js'

interface CopyFlags extends FilterFlags {
  readonly dryRun?: true
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
    .option('--dry-run', 'say what would be copied, and write nothing')
    .option('--json', 'the report as JSON')
    .action((from: string, to: string, flags: CopyFlags) =>
      withSnapshots(from, { mode: 'read' }, async (source, signal) => {
        const filter = filterOf(flags)
        await checkNames(source, filter)
        const report = await copyInto(to, source, { filter, dryRun: flags.dryRun ?? false }, signal)
        console.log(flags.json ? formatJson(report) : copyText(report))
      }),
    )
}

function copyText({ dryRun, copied, skipped, storedBytes }: CopyReport): string {
  const before = skipped === 0 ? '' : `, ${skipped} ${skipped === 1 ? 'was' : 'were'} there before`
  const [done, added] = dryRun ? ['would be copied', 'would add about'] : ['copied', 'added']
  return `${formatCount(copied, 'snapshot')} ${done}${before}; ${added} ${formatBytes(storedBytes)}`
}
