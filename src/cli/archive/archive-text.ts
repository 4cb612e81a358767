// What an archive holds, and how far its making is, for people.

import type { ArchiveGap, ArchiveProgress, ArchiveReport } from '../../index.js'
import { formatBytes, formatCell, formatCount, formatTable, formatTime, nameText } from '../output.js'
import { type Progress, progressLine } from '../progress.js'

export function exportProgress(): Progress<ArchiveProgress> {
  return progressLine(({ bytes, part, name }) => `${formatBytes(bytes)}${name === '' ? '' : `, ${part} ${formatCell(name, 30)}`}`)
}

interface PartRow {
  readonly part: string
  readonly name: string
  readonly count: number
  readonly notes: string
}

const COLUMNS = (['part', 'name', 'count', 'notes'] as const).map((title) => ({ title, cell: (row: PartRow) => row[title] }))

export function reportText(report: ArchiveReport): string {
  const queues = report.queues.map(({ queue, records, buckets, groups }) => {
    const sealed = buckets.some((bucket) => bucket.sealed) ? ['sealed'] : []
    const notes = [formatCount(buckets.length, 'bucket'), formatCount(groups.length, 'group'), ...sealed]
    return {
      part: 'queue',
      name: nameText(queue),
      count: records,
      notes: [...notes, ...gapNotes(buckets.flatMap(({ gaps }) => gaps))].join(', '),
    }
  })
  const keys = report.namespaces.map(({ namespace, values }) => ({ part: 'keys', name: nameText(namespace), count: values, notes: '' }))
  const sessions = report.sessions.map(({ agent, session, snapshots }) => {
    return { part: 'snapshots', name: `${nameText(agent)}/${nameText(session)}`, count: snapshots, notes: '' }
  })
  const rows = [...queues, ...keys, ...sessions]
  const whole = `whole: ${formatBytes(report.bytes)}${report.encrypted ? ', encrypted' : ''}, made ${formatTime(report.createdAt)} from ${report.backend}`
  return rows.length === 0 ? whole : `${formatTable(COLUMNS, rows)}\n${whole}`
}

/** What the archive lacks. */
export function gapNotes(gaps: readonly ArchiveGap[]): string[] {
  return gaps.map(({ bucket, from, to }) => `bucket ${bucket}: ${from}-${to - 1} were gone before they were copied`)
}
