import type { Command } from 'commander'
import type { ArchiveSecret } from '../../core/codec/archive/open.js'
import type { Snapshots } from '../../core/features/snapshots/snapshots.js'
import { newSecret } from '../archive/secret.js'
import { checkTarget, writeFileWhole } from '../file-output.js'
import { formatBytes, formatCount, formatJson } from '../output.js'
import { STORE } from '../place.js'
import { writeOut } from '../write-out.js'
import { checkNames } from './check-names.js'
import { addFilterOptions, type FilterFlags, filterOf } from './filter-options.js'
import { withProgress } from './snapshot-progress.js'
import { withSnapshots } from './with-snapshots.js'

interface ExportFlags extends FilterFlags {
  readonly encrypt?: true
  readonly force?: true
  readonly json?: true
}

interface Exported {
  readonly bytes: number
  readonly snapshots: number
}

export function addExport(snapshot: Command): void {
  addFilterOptions(
    snapshot
      .command('export')
      .description('write snapshots to one file, each with its id; encrypted where a passphrase or a key is given')
      .argument('<store>', STORE)
      .argument('[file]', 'whole or not at all; - or none is standard output', '-'),
  )
    .option('--encrypt', 'with a passphrase that is asked for, where none is given')
    .option('--force', 'replace the file where there is one')
    .option('--json', 'the report as JSON')
    .action(exportSnapshots)
}

async function exportSnapshots(place: string, file: string, flags: ExportFlags): Promise<void> {
  if (file !== '-') checkTarget(file, flags.force)
  const secret = await newSecret(flags)
  const done = await withSnapshots(place, { mode: 'read' }, async (snapshots, signal) => {
    await checkNames(snapshots, filterOf(flags))
    return await writeArchive(snapshots, file, flags, { ...secret, signal })
  })
  if (file === '-') return
  if (flags.json) return console.log(formatJson({ file, encrypted: secret !== undefined, ...done }))
  console.log(`${formatCount(done.snapshots, 'snapshot')} in ${formatBytes(done.bytes)}`)
}

async function writeArchive(
  snapshots: Snapshots<unknown>,
  file: string,
  flags: ExportFlags,
  options: ArchiveSecret & { readonly signal: AbortSignal },
): Promise<Exported> {
  let exported = 0
  const bytes = await withProgress(async (show) => {
    const onProgress: typeof show = (progress) => {
      exported = progress.done ?? exported
      show(progress)
    }
    const archive = snapshots.export({ filter: filterOf(flags), onProgress, ...options })
    if (file !== '-') return await writeFileWhole(file, archive, flags.force)
    for await (const piece of archive) await writeOut(piece)
    return 0
  })
  return { bytes, snapshots: exported }
}
