import type { Command } from 'commander'
import { StorageError } from '../../core/base/errors.js'
import { type ArchiveReport, checkArchive, type ExportOptions, exportAll } from '../../index.js'
import { each } from '../arguments.js'
import { readInput } from '../file-input.js'
import { checkTarget, writeFileWhole } from '../file-output.js'
import { untilInterrupted } from '../interrupt.js'
import { addSecretOptions, type SecretFlags } from '../given-secret.js'
import { formatBytes, formatCount, formatJson } from '../output.js'
import { STORE } from '../place.js'
import { encryptionOf } from '../snapshot/encryption.js'
import { withStore } from '../with-store.js'
import { writeOut } from '../write-out.js'
import { exportProgress, reportText } from './archive-text.js'
import { newSecret, openingSecret } from './secret.js'

interface BackupFlags extends SecretFlags {
  readonly queue?: readonly string[]
  readonly namespace?: readonly string[]
  readonly agent?: string
  readonly encrypt?: true
  readonly force?: true
  readonly verify?: true
  readonly json?: true
}

export function addBackup(program: Command): void {
  const backup = program
    .command('backup')
    .description('write a whole store to one file, beside its owner; with --verify read such a file and say what is in it')
    .argument('<store>', `${STORE}; with --verify the file, or - for standard input`)
    .argument('[file]', 'where to, whole or not at all; - is standard output')
    .option('--queue <name>', 'only this one, and other parts that are named (again for more)', each)
    .option('--namespace <name>', 'only the keys of this one, and other parts that are named (again for more)', each)
    .option('--agent <name>', 'only the snapshots of this one, and other parts that are named')
    .option('--encrypt', 'with a passphrase that is asked for, where none is given')
  addSecretOptions(backup, 'of the file: ')
    .option('--force', 'replace the file where there is one')
    .option('--verify', 'check all sums of a file, without a store')
    .option('--json', 'the report as JSON')
    .action((store: string, file: string | undefined, flags: BackupFlags) =>
      flags.verify ? verifyBackup(store, file, flags) : backUp(store, file, flags),
    )
}

async function backUp(place: string, file: string | undefined, flags: BackupFlags): Promise<void> {
  if (file === undefined) throw new StorageError('invalid', 'say where to: a file, or - for standard output')
  const isFile = file !== '-'
  if (isFile) checkTarget(file, flags.force)
  const secret = await newSecret(flags)
  const line = exportProgress()
  const counted = { bytes: 0, records: 0, values: 0, snapshots: 0 }
  await untilInterrupted((signal) =>
    withStore(place, 'read', async (store) => {
      const onProgress: ExportOptions['onProgress'] = (progress) => {
        const { bytes, records, values, snapshots } = progress
        Object.assign(counted, { bytes, records, values, snapshots })
        line.update(progress)
      }
      try {
        const archive = exportAll(store, { ...partsOf(flags), ...secret, ...(await encryptionOf(store)), onProgress, signal })
        if (isFile) await writeFileWhole(file, archive, flags.force)
        else for await (const piece of archive) await writeOut(piece)
      } finally {
        line.end()
      }
    }),
  )
  if (!isFile) return
  const encrypted = secret !== undefined
  if (flags.json) console.log(formatJson({ file, encrypted, ...counted }))
  else console.log(madeText(counted, encrypted))
}

function madeText(
  { bytes, records, values, snapshots }: Record<'bytes' | 'records' | 'values' | 'snapshots', number>,
  encrypted: boolean,
): string {
  const parts = [formatCount(records, 'record'), formatCount(values, 'value'), formatCount(snapshots, 'snapshot')]
  return `${formatBytes(bytes)}${encrypted ? ', encrypted' : ''}: ${parts.join(', ')}`
}

/** Where parts are named, those that are not are left out. */
function partsOf({ queue, namespace, agent }: BackupFlags): Pick<ExportOptions, 'queues' | 'kv' | 'snapshots'> {
  if (queue === undefined && namespace === undefined && agent === undefined) return {}
  return { queues: queue ?? false, kv: namespace ?? false, snapshots: agent === undefined ? false : { agent } }
}

async function verifyBackup(file: string, none: string | undefined, flags: BackupFlags): Promise<void> {
  if (none !== undefined) throw new StorageError('invalid', '--verify takes one file', { facts: { also: none } })
  const report = await untilInterrupted(async (signal) => {
    const secret = await openingSecret(file, flags)
    const line = exportProgress()
    try {
      const onProgress = ({ bytes }: Pick<ArchiveReport, 'bytes'>): void =>
        line.update({ bytes, part: 'queue', name: '', records: 0, values: 0, snapshots: 0 })
      return await checkArchive(readInput(file, 'reads an archive', signal), { ...secret, signal, onProgress })
    } finally {
      line.end()
    }
  })
  console.log(flags.json ? formatJson(report) : reportText(report))
}
