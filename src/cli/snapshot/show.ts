import type { Command } from 'commander'
import { isStorageError } from '../../core/base/errors.js'
import type { Snapshots } from '../../core/features/snapshots/snapshots.js'
import type { SnapshotInfo } from '../../core/features/snapshots/types.js'
import { wholeNumber } from '../arguments.js'
import { formatBytes, formatCell, formatJson, formatTable, formatTime, nameText } from '../output.js'
import { STORE } from '../place.js'
import { infoTable } from './info-table.js'
import { findSnapshot, WHICH } from './which.js'
import { withSnapshots } from './with-snapshots.js'

interface ShowFlags {
  readonly chain: number
  readonly json?: true
}

const CHAIN = 10

interface Chain {
  readonly infos: readonly SnapshotInfo[]
  /** Whether there are more before these, and what became of them where they are gone. */
  readonly ends: 'first' | 'more' | 'deleted'
}

export function addShow(snapshot: Command): void {
  snapshot
    .command('show')
    .description('all about a snapshot but its state, and those that it was made from')
    .argument('<store>', STORE)
    .argument('<snapshot>', WHICH)
    .option('--chain <number>', 'how many of those before it', wholeNumber(0), CHAIN)
    .option('--json', 'one JSON text')
    .action((place: string, which: string, { chain: length, json }: ShowFlags) =>
      withSnapshots(place, { mode: 'read' }, async (snapshots, signal) => {
        const info = await findSnapshot(snapshots, which, signal)
        const chain = await chainOf(snapshots, info, length, signal)
        if (json) return console.log(formatJson({ ...info, chain: chain.infos }))
        console.log([factTable(info), ...(length === 0 ? [] : [chainText(chain)])].join('\n\n'))
      }),
    )
}

/** Along the first parents, from the nearest on. */
async function chainOf(snapshots: Snapshots<unknown>, info: SnapshotInfo, length: number, signal: AbortSignal): Promise<Chain> {
  const infos: SnapshotInfo[] = []
  for (let [parent] = info.parents; parent !== undefined; ) {
    if (infos.length === length) return { infos, ends: 'more' }
    const before = await snapshots.info(parent, { signal }).catch((error: unknown) => {
      if (!isStorageError(error, 'missing')) throw error
    })
    if (before === undefined) return { infos, ends: 'deleted' }
    infos.push(before)
    parent = before.parents[0]
  }
  return { infos, ends: 'first' }
}

function factTable(info: SnapshotInfo): string {
  const facts = Object.entries(info).filter(([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0))
  return formatTable<[string, unknown]>(
    [
      { title: 'fact', cell: ([name]) => name },
      { title: 'value', cell: ([name, value]) => factText(name, value) },
    ],
    facts,
  )
}

/** Whole, however long. */
function factText(name: string, value: unknown): string {
  if (name === 'timestamp') return formatTime(value as number)
  if (name === 'bytes' || name === 'storedBytes') return bytesText(value as number)
  if (Array.isArray(value)) return value.map((one) => nameText(String(one), Number.POSITIVE_INFINITY)).join(' ')
  return typeof value === 'string' ? nameText(value, Number.POSITIVE_INFINITY) : formatCell(value, Number.POSITIVE_INFINITY)
}

function bytesText(bytes: number): string {
  return bytes < 1_000 ? String(bytes) : `${bytes} (${formatBytes(bytes)})`
}

function chainText({ infos, ends }: Chain): string {
  const end = { first: '', more: 'and others before (--chain <number> shows more)', deleted: 'those before were deleted' }[ends]
  if (infos.length === 0) return ends === 'first' ? 'made from none' : end
  return ['made from', infoTable(infos.map((info) => ({ info }))), ...(end === '' ? [] : [end])].join('\n')
}
