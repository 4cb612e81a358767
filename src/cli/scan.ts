import type { Command } from 'commander'
import { queues, scan } from '../index.js'
import type { ScanReport } from '../core/compose/scan.js'
import { anomalyTable, foundText, noticeText, scannedText } from './anomaly-table.js'
import { ANOMALIES, type SetExitCode } from './exit-codes.js'
import { formatJson } from './output.js'
import { scanProgress } from './progress.js'
import { unknownName } from './unknown-name.js'
import { directoryOf } from './place.js'
import { withStore } from './with-store.js'

export function addScan(program: Command, setExitCode: SetExitCode): void {
  program
    .command('scan')
    .description('read every stored byte and say what is wrong; changes nothing, and works beside the owner')
    .argument('<directory>', 'where the store lies', directoryOf)
    .argument('[queue]', 'only this one')
    .option('--json', 'the report as JSON')
    .action(async (directory: string, queue: string | undefined, { json }: { json?: true }) => {
      const report = await scanDirectory(directory, queue)
      console.log(json ? formatJson(report) : scanText(report, directory))
      if (!report.healthy) setExitCode(ANOMALIES)
    })
}

export function scanDirectory(directory: string, queue?: string): Promise<ScanReport> {
  return withStore(directory, 'read', async (store) => {
    if (queue !== undefined) {
      const known = await queues(store)
      if (!known.includes(queue)) throw unknownName('queue', queue, known)
    }
    const { update, end } = scanProgress()
    try {
      return await scan(store, { progress: update, ...(queue === undefined ? {} : { queue }) })
    } finally {
      end()
    }
  })
}

export function scanText(report: ScanReport, directory: string): string {
  const notices = noticeText(report)
  const found = report.healthy
    ? [`healthy: ${scannedText(report)}`]
    : [anomalyTable(report.anomalies, directory), `${foundText(report)}, in ${scannedText(report)}`]
  return [...found, ...notices].join('\n')
}
