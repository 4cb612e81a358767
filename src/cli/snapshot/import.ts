import type { Command } from 'commander'
import type { SnapshotImportReport } from '../../core/features/snapshots/archive-types.js'
import { openingSecret } from '../archive/secret.js'
import { readInput } from '../file-input.js'
import { formatBytes, formatCount, formatJson } from '../output.js'
import { STORE } from '../place.js'
import { withProgress } from './snapshot-progress.js'
import { withSnapshots } from './with-snapshots.js'

export function addImport(snapshot: Command): void {
  snapshot
    .command('import')
    .description('take the snapshots of an archive, also of a backup, under their ids; those that are there stay as they are')
    .argument('<store>', `${STORE}; made when it is not there`)
    .argument('[file]', 'made by export or backup; - or none is standard input', '-')
    .option('--json', 'the report as JSON')
    .action(async (place: string, file: string, { json }: { json?: true }) => {
      const secret = await openingSecret(file)
      // The secret is that of the archive: it does not encrypt a new store.
      const report = await withSnapshots(place, { mode: 'create-plain' }, (snapshots, signal) =>
        withProgress((onProgress) => snapshots.import(readInput(file, 'reads an archive', signal), { ...secret, onProgress, signal })),
      )
      console.log(json ? formatJson(report) : importText(report))
    })
}

function importText({ imported, skipped, storedBytes }: SnapshotImportReport): string {
  const before = skipped === 0 ? '' : `, ${skipped} ${skipped === 1 ? 'was' : 'were'} there before`
  return `${formatCount(imported, 'snapshot')} imported${before}; added ${formatBytes(storedBytes)}`
}
