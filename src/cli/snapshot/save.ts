import { type Command, Option } from 'commander'
import type { Json } from '../../core/codec/codec.js'
import { COMPRESSION_NAMES, type CompressionName } from '../../core/codec/compression.js'
import type { SnapshotInfo } from '../../core/features/snapshots/types.js'
import { each, jsonText } from '../arguments.js'
import { formatBytes, formatJson } from '../output.js'
import { STORE } from '../place.js'
import { withoutAbsent } from '../without-absent.js'
import { infoName } from './info-table.js'
import { withProgress } from './snapshot-progress.js'
import { readState, STATE_CODECS, type StateCodec } from './state-input.js'
import { findSnapshot } from './which.js'
import { withSnapshots } from './with-snapshots.js'

interface SaveFlags {
  readonly agent: string
  readonly session: string
  readonly branch?: string
  readonly parent?: string
  readonly tag?: readonly string[]
  readonly description?: string
  readonly metadata?: Json
  readonly codec: StateCodec
  readonly compression?: CompressionName
  readonly verify?: true
  readonly json?: true
}

export function addSave(snapshot: Command): void {
  snapshot
    .command('save')
    .description('save a state from a file or standard input')
    .argument('<store>', STORE)
    .argument('[file]', '- or none is standard input', '-')
    .requiredOption('--agent <name>', 'whose state it is')
    .requiredOption('--session <name>', 'in which session')
    .option('--branch <name>', 'on which branch (default: main)')
    .option('--parent <snapshot>', 'what it was made from (default: the newest of the branch)')
    .option('--tag <name>', 'a tag; again for more', each)
    .option('--description <text>', 'for people')
    .option('--metadata <json>', 'for programs', jsonText)
    .addOption(new Option('--codec <name>', 'what the input is; bytes may be of any length').choices(STATE_CODECS).default('json'))
    .addOption(new Option('--compression <name>', 'how chunks are stored (default: gzip)').choices(COMPRESSION_NAMES))
    .option('--verify', 'read all back before the snapshot can be seen')
    .option('--json', 'all about it as JSON')
    .action(async (place: string, file: string, flags: SaveFlags) => {
      const info = await saveFile(place, file, flags)
      console.log(flags.json ? formatJson(info) : savedText(info))
    })
}

function saveFile(place: string, file: string, flags: SaveFlags): Promise<SnapshotInfo> {
  const { agent, session, branch, tag: tags, description, metadata, codec, compression, verify } = flags
  const options = withoutAbsent({ codec, compression })
  return withSnapshots(place, { mode: 'create', options }, async (snapshots, signal) => {
    const parent = flags.parent === undefined ? undefined : (await findSnapshot(snapshots, flags.parent, signal)).id
    const details = withoutAbsent({ branch, parent, tags, description, metadata, verify })
    const input = await readState(file, codec, signal)
    return await withProgress((onProgress) => snapshots.save({ agent, session, ...details, ...input, onProgress, signal }))
  })
}

export function savedText(info: SnapshotInfo): string {
  return `${info.id}\n${infoName(info)}: ${formatBytes(info.bytes)}, added ${formatBytes(info.storedBytes)}`
}
