// What a service does before it opens its queues.

import { StorageError } from '../base/errors.js'
import type { Store } from '../derived/store-context.js'
import type { Backend } from '../ports/backend.js'
import { recover, type RecoverOptions } from './recover.js'
import { scan, type ScanOptions, type ScanReport } from './scan.js'

export type StartCheck = 'ignore' | 'scan_only' | 'recover' | 'fail_on_anomaly'

export interface StartCheckOptions extends ScanOptions, Pick<RecoverOptions, 'quarantine'> {
  readonly check: StartCheck
}

/**
 * `ignore` looks at nothing, `scan_only` reports, `recover` repairs and must find nothing afterwards, `fail_on_anomaly`
 * refuses to go on. Resolves to the last scan; undefined where nothing was looked at.
 *
 * Errors: `corrupt` (something was found, or is still broken after the recovery), with the anomalies as `facts`.
 */
export async function checkOnStart(source: Store | Backend, options: StartCheckOptions): Promise<ScanReport | undefined> {
  const { check, quarantine } = options
  switch (check) {
    case 'ignore':
      return undefined
    case 'scan_only':
      return scan(source, options)
    case 'fail_on_anomaly':
      return expectHealthy(await scan(source, options), 'anomalies were found in the store')
    case 'recover': {
      const mode = quarantine === undefined ? 'repair' : 'quarantine'
      return expectHealthy((await recover(source, { ...options, mode })).after, 'the store is still damaged after its recovery')
    }
    default:
      throw new StorageError('invalid', 'check is ignore, scan_only, recover or fail_on_anomaly', { facts: { check: String(check) } })
  }
}

function expectHealthy(report: ScanReport, message: string): ScanReport {
  if (report.healthy) return report
  const [first] = report.anomalies
  throw new StorageError('corrupt', message, {
    backend: report.backend,
    operation: 'checkOnStart',
    facts: { anomalies: report.anomalies.length, lostRecords: report.lostRecords, first: first?.kind, path: first?.path },
  })
}
