// A recovery as it is done on the command line: where copies go, and what is printed before and after.

import { resolve } from 'node:path'
import { StorageError } from '../core/base/errors.js'
import type { RecoverOptions, RecoveryReport } from '../core/compose/recover.js'
import type { ScanReport } from '../core/compose/scan.js'
import { recover } from '../index.js'
import { foundText, scannedText } from './anomaly-table.js'
import { canAsk, confirm } from './confirm.js'
import { ANOMALIES, STILL_BROKEN } from './exit-codes.js'
import { formatCount } from './output.js'
import { scanProgress } from './progress.js'
import { type QuarantineFolder, quarantineFolder } from './quarantine-folder.js'
import { scanDirectory, scanText } from './scan.js'
import { withStore } from './with-store.js'

export interface RecoveryFlags {
  readonly mode: RecoverOptions['mode']
  /** The folder that takes a folder of copies for each run. */
  readonly quarantine?: string
  readonly salvage?: true
  readonly yes?: true
}

export interface Recovery {
  readonly report: RecoveryReport
  /** undefined where none are kept. */
  readonly kept: QuarantineFolder | undefined
}

/** undefined when the answer on the terminal was no. */
export async function recoverDirectory(directory: string, flags: RecoveryFlags): Promise<Recovery | undefined> {
  const { mode, quarantine, salvage = false } = flags
  if (quarantine !== undefined && mode !== 'quarantine') {
    throw new StorageError('invalid', '--quarantine goes with --mode quarantine: the other modes keep no copies', { facts: { mode } })
  }
  if (salvage && mode === 'ignore') {
    throw new StorageError('invalid', '--salvage appends records, and --mode ignore changes nothing: leave one of them out')
  }
  const kept = mode === 'quarantine' ? quarantineFolder(directory, quarantine) : undefined
  if (mode !== 'ignore' && !(await isWanted(directory, flags))) return undefined
  const { update, end } = scanProgress()
  try {
    const report = await withStore(directory, mode === 'ignore' ? 'read' : 'write', (store) =>
      recover(store, { mode, salvage, progress: update, ...(kept === undefined ? {} : { quarantine: kept.keep }) }),
    )
    return { report, kept }
  } finally {
    end()
  }
}

/** Shows what would be repaired and asks; only a person at a terminal is asked. */
async function isWanted(directory: string, { mode, yes, salvage }: RecoveryFlags): Promise<boolean> {
  if (yes === true || !canAsk()) return true
  const report = await scanDirectory(directory)
  if (report.healthy && (!salvage || report.notices.length === 0)) return true
  console.error(scanText(report, directory))
  const copies = mode === 'quarantine' ? 'with a copy of what is replaced' : 'in place, WITHOUT a copy'
  return await confirm(`Repair ${resolve(directory)} ${copies}?`)
}

export function recoveryExitCode(mode: RecoveryFlags['mode'], { after }: RecoveryReport): number {
  if (after.healthy) return 0
  return mode === 'ignore' ? ANOMALIES : STILL_BROKEN
}

export function recoveryText({ report, kept }: Recovery, mode: RecoveryFlags['mode'], directory: string): string {
  const { before, after, salvagedRecords } = report
  if (before.healthy && salvagedRecords === 0) return `nothing to recover: ${scannedText(before)}`
  const lines = [scanText(before, directory), '']
  if (mode === 'ignore') return [...lines, 'left as it is'].join('\n')
  if (kept !== undefined && kept.copies.length > 0) lines.push(`${formatCount(kept.copies.length, 'file')} copied to ${kept.folder}`)
  if (salvagedRecords > 0) lines.push(`${formatCount(salvagedRecords, 'record')} of torn tails appended again`)
  return [...lines, afterText(after, directory)].join('\n')
}

function afterText(after: ScanReport, directory: string): string {
  if (after.healthy) return `recovered: ${scannedText(after)}`
  return `still broken (${foundText(after)}); varve doctor says what can be done:\n${scanText(after, directory)}`
}

export function recoveryJson({ report, kept }: Recovery, mode: RecoveryFlags['mode']): unknown {
  const copies = kept === undefined || kept.copies.length === 0 ? {} : { quarantine: kept.folder, copies: kept.copies }
  return { mode, ...report, ...copies }
}
