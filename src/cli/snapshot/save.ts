import type { Command } from 'commander'
import type { Json } from '../../core/codec/codec.js'
import type { SnapshotInfo } from '../../core/features/snapshots/types.js'
import { each, jsonText } from '../arguments.js'
import { formatBytes, formatJson } from '../output.js'
import { STORE } from '../place.js'
import { infoName } from './info-table.js'
import { readState } from './state-input.js'
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
    .option('--json', 'all about it as JSON')
    .action(async (place: string, file: string, flags: SaveFlags) => {
      const info = await saveFile(place, file, flags)
      console.log(flags.json ? formatJson(info) : savedText(info))
    })
}

function saveFile(place: string, file: string, flags: SaveFlags): Promise<SnapshotInfo> {
  const { agent, session, branch, tag: tags, description, metadata } = flags
  return withSnapshots(place, { mode: 'create' }, async (snapshots, signal) => {
    const parent = flags.parent === undefined ? undefined : (await findSnapshot(snapshots, flags.parent, signal)).id
    const details = given({ branch, parent, tags, description, metadata })
    const state = await readState(file, signal)
    return await snapshots.save({ agent, session, ...details, state, signal })
  })
}

/** Without what was not given. */
function given<Options extends object>(options: Options): { [Name in keyof Options]?: Exclude<Options[Name], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never
}

export function savedText(info: SnapshotInfo): string {
  return `${info.id}\n${infoName(info)}: ${formatBytes(info.bytes)}, added ${formatBytes(info.storedBytes)}`
}
