import type { ScanReport, StoreAnomaly } from '../core/compose/scan.js'
import { formatCount, formatTable, nameText, outputWidth, wrapText } from './output.js'
import { storePath } from './store-path.js'

const MARGIN = 4

/** A row each, with the path in the directory and the detail below. */
export function anomalyTable(anomalies: readonly StoreAnomaly[], directory: string): string {
  const width = outputWidth() - MARGIN
  return formatTable<StoreAnomaly>(
    [
      { title: 'kind', cell: ({ kind }) => kind },
      { title: 'queue', cell: ({ queue }) => (queue === undefined ? '-' : nameText(queue)) },
      { title: 'bucket', cell: ({ bucket }) => bucket ?? '-' },
      { title: 'position', cell: ({ position }) => position ?? '-' },
      { title: 'offsets lost', cell: (anomaly) => lostText(anomaly) ?? '-' },
    ],
    anomalies,
    ({ path, detail }) => [storePath(directory, path), ...wrapText(detail, width)],
  )
}

/** `3`, or `3-5`; undefined where none is. */
export function lostText({ firstOffset, lastOffset }: StoreAnomaly): string | undefined {
  if (firstOffset === undefined || lastOffset === undefined) return undefined
  return firstOffset === lastOffset ? String(firstOffset) : `${firstOffset}-${lastOffset}`
}

export function scannedText({ scanned }: ScanReport): string {
  const { queues, records, bytes } = scanned
  return [formatCount(queues, 'queue'), formatCount(records, 'record'), formatCount(bytes, 'byte')].join(', ')
}

export function foundText({ anomalies, lostRecords }: ScanReport): string {
  const kinds = anomalies.length === 1 ? '1 anomaly' : `${anomalies.length} anomalies`
  return `${kinds}, ${lostRecords === 0 ? 'no record lost' : `${formatCount(lostRecords, 'record')} lost`}`
}

/** No lines where there is nothing to note. */
export function noticeText({ notices }: ScanReport): string[] {
  if (notices.length === 0) return []
  const records = notices.reduce((sum, notice) => sum + notice.records, 0)
  const queues = [...new Set(notices.map(({ queue }) => nameText(queue)))].join(', ')
  const text = `note: ${formatCount(records, 'whole record')} of ${queues} in torn tails that a crash left; nobody was told that they are durable, but varve recover --salvage can append them again`
  return wrapText(text, outputWidth())
}
