import type { Command } from 'commander'
import { StorageError } from '../../core/base/errors.js'
import { type ImportedNamespace, type ImportedQueue, importAll, type ImportReport } from '../../index.js'
import { readInput } from '../file-input.js'
import { addSecretOptions, type SecretFlags } from '../given-secret.js'
import { untilInterrupted } from '../interrupt.js'
import { formatBytes, formatCount, formatJson, formatTable, nameText } from '../output.js'
import { STORE } from '../place.js'
import { encryptionOf } from '../snapshot/encryption.js'
import { withStore } from '../with-store.js'
import { exportProgress, gapNotes } from './archive-text.js'
import { openingSecret } from './secret.js'

interface RestoreFlags extends SecretFlags {
  readonly force?: true
  readonly skipExisting?: true
  readonly json?: true
}

export function addRestore(program: Command): void {
  const command = program
    .command('restore')
    .description('bring what a backup holds into a store; run again after it was cut it goes on')
    .argument('<file>', 'made by backup or exportAll; - is standard input')
    .argument('<store>', `${STORE}; made when it is not there`)
    .option('--force', 'replace queues and keys that are there and differ')
    .option('--skip-existing', 'leave them as they are')
  addSecretOptions(command, 'of the file: ').option('--json', 'the report as JSON').action(restore)
}

async function restore(file: string, place: string, flags: RestoreFlags): Promise<void> {
  const { force, skipExisting, json } = flags
  if (force && skipExisting) throw new StorageError('invalid', '--force and --skip-existing do not go together')
  const onExisting = force ? 'replace' : skipExisting ? 'skip' : 'refuse'
  const report = await untilInterrupted(async (signal) => {
    const secret = await openingSecret(file, flags)
    return withStore(place, 'create-plain', async (store) => {
      const encryption = await encryptionOf(store)
      const line = exportProgress()
      try {
        const source = readInput(file, 'reads an archive', signal)
        return await importAll(store, source, { ...secret, ...encryption, onExisting, onProgress: line.update, signal })
      } finally {
        line.end()
      }
    })
  })
  console.log(json ? formatJson(report) : restoredText(report))
}

interface Row {
  readonly part: string
  readonly name: string
  readonly restored: number
  readonly present: number
  readonly notes: string
}

const COLUMNS = (['part', 'name', 'restored', 'present', 'notes'] as const).map((title) => ({ title, cell: (row: Row) => row[title] }))

function restoredText({ queues, namespaces, snapshots, bytes }: ImportReport): string {
  const { imported, skipped } = snapshots
  const states = imported + skipped === 0 ? [] : [{ part: 'snapshots', name: '', restored: imported, present: skipped, notes: '' }]
  const rows = [...queues.map(queueRow), ...namespaces.map(keysRow), ...states]
  const summary = `restored from ${formatBytes(bytes)}`
  return rows.length === 0 ? `${summary}: nothing is in it` : `${formatTable(COLUMNS, rows)}\n${summary}`
}

function queueRow({ queue, records, present, groups, approximateGroups, gaps, skipped }: ImportedQueue): Row {
  const again =
    approximateGroups === 0 ? [] : [`${formatCount(approximateGroups, 'group')} may see again what was acknowledged out of order`]
  const notes = skipped ? ['was there, left as it is'] : [formatCount(groups, 'group'), ...again, ...gapNotes(gaps)]
  return { part: 'queue', name: nameText(queue), restored: records, present, notes: notes.join(', ') }
}

function keysRow({ namespace, values, present, skipped, expired }: ImportedNamespace): Row {
  const left = skipped === 0 ? [] : [`${skipped} had another value, left`]
  const gone = expired === 0 ? [] : [`${expired} had expired`]
  return { part: 'keys', name: nameText(namespace), restored: values, present, notes: [...left, ...gone].join(', ') }
}
