// Snapshots in rows that fit the terminal: ids and names are cut where they have to be.

import type { SnapshotInfo } from '../../core/features/snapshots/types.js'
import { type Column, formatTable, nameText, terminalWidth } from '../output.js'

const NAME_LENGTHS = [40, 24, 16, 10]
const LEAST_DIGITS = 8

/** `more` are columns behind the others. On a terminal ids are cut to what tells them apart. */
export function infoTable<Row extends { readonly info: SnapshotInfo }>(rows: readonly Row[], more: readonly Column<Row>[] = []): string {
  const { isTTY } = process.stdout
  const width = terminalWidth() ?? Number.POSITIVE_INFINITY
  const digits = isTTY ? digitsApart(rows.map(({ info }) => info.id)) : undefined
  const [first, ...others] = NAME_LENGTHS.map((length) => () => formatTable([...columnsOf<Row>(length, digits), ...more], rows))
  let table = first?.() ?? ''
  for (const narrower of others) if (widthOf(table) > width) table = narrower()
  return table
}

/** How many digits tell the ids apart, at least 8. */
export function digitsApart(ids: readonly string[]): number {
  const sorted = [...ids].sort()
  let digits = LEAST_DIGITS
  for (const [i, id] of sorted.entries()) {
    const before = sorted[i - 1] ?? ''
    while (id !== before && id.slice(0, digits) === before.slice(0, digits)) digits++
  }
  return digits
}

function columnsOf<Row extends { readonly info: SnapshotInfo }>(length: number, digits: number | undefined): Column<Row>[] {
  return [
    { title: 'id', cell: ({ info }) => info.id.slice(0, digits) },
    { title: 'agent', cell: ({ info }) => nameText(info.agent, length) },
    { title: 'session', cell: ({ info }) => nameText(info.session, length) },
    { title: 'branch', cell: ({ info }) => nameText(info.branch, length) },
    { title: 'index', cell: ({ info }) => info.index },
    { title: 'time', cell: ({ info }) => timeText(info.timestamp) },
    { title: 'bytes', cell: ({ info }) => info.bytes },
    { title: 'added', cell: ({ info }) => info.storedBytes },
    { title: 'tags', cell: ({ info }) => nameText([...marksOf(info), ...info.tags].join(' '), length) },
  ]
}

function marksOf({ pinned, damaged }: SnapshotInfo): readonly string[] {
  return [...(damaged === undefined ? [] : ['(damaged)']), ...(pinned ? ['(pinned)'] : [])]
}

/** UTC, without what people do not look at. */
function timeText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ')
}

function widthOf(table: string): number {
  return Math.max(...table.split('\n').map(({ length }) => length))
}

/** One snapshot in a line of text. */
export function infoName({ agent, session, branch, index }: SnapshotInfo): string {
  return `${nameText(agent)}/${nameText(session)}@${nameText(branch)} ${index}`
}
