import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { AnomalyKind, ScanReport, StoreAnomaly } from '../core/compose/scan.js'
import { contextOf } from '../core/derived/resolve.js'
import type { StorageHealth } from '../core/ports/backend.js'
import { foundText, lostText, noticeText, scannedText } from './anomaly-table.js'
import { ANOMALIES, type SetExitCode } from './exit-codes.js'
import { FINDINGS } from './findings.js'
import { healthTable } from './health.js'
import { formatJson, nameText, outputWidth, wrapText } from './output.js'
import { recoverDirectory, recoveryExitCode, recoveryJson, recoveryText } from './recovery.js'
import { scanDirectory } from './scan.js'
import { storePath } from './store-path.js'
import { directoryOf } from './place.js'
import { withStore } from './with-store.js'

interface DoctorFlags {
  readonly repair?: true
  readonly yes?: true
  readonly json?: true
}

interface Diagnosis {
  readonly health: StorageHealth
  /** Who may change the store right now. */
  readonly owner: string | undefined
  readonly report: ScanReport
}

const MODE = 'quarantine'

export function addDoctor(program: Command, setExitCode: SetExitCode): void {
  program
    .command('doctor')
    .description('scan and health, with what each finding means and how it is repaired')
    .argument('<directory>', 'where the store lies', directoryOf)
    .option('--repair', 'then recover, keeping copies in <directory>.quarantine; asks first on a terminal')
    .option('--yes', 'do not ask')
    .option('--json', 'all of it as JSON')
    .action(async (directory: string, flags: DoctorFlags) => {
      setExitCode(flags.repair ? await diagnoseAndRepair(directory, flags) : await diagnose(directory, flags))
    })
}

async function diagnose(directory: string, { json }: DoctorFlags): Promise<number> {
  const diagnosis = await examine(directory)
  console.log(json ? formatJson(diagnosisJson(diagnosis, directory)) : diagnosisText(diagnosis, directory))
  return diagnosis.report.healthy ? 0 : ANOMALIES
}

async function diagnoseAndRepair(directory: string, { json, yes }: DoctorFlags): Promise<number> {
  const diagnosis = await examine(directory)
  if (!json) console.log(`${diagnosisText(diagnosis, directory)}\n`)
  const done = await recoverDirectory(directory, { mode: MODE, ...(yes ? { yes } : {}) })
  if (done === undefined) {
    console.log('nothing was changed')
    return ANOMALIES
  }
  console.log(
    json ? formatJson({ ...diagnosisJson(diagnosis, directory), recovery: recoveryJson(done, MODE) }) : recoveryText(done, MODE, directory),
  )
  return recoveryExitCode(MODE, done.report)
}

async function examine(directory: string): Promise<Diagnosis> {
  const { health, owner } = await withStore(directory, 'read', async (store) => ({
    health: await store.health(),
    owner: await contextOf(store).backend.locks?.owner('store'),
  }))
  return { health, owner, report: await scanDirectory(directory) }
}

function diagnosisJson({ health, owner, report }: Diagnosis, directory: string): Record<string, unknown> {
  const kinds = [...new Set(report.anomalies.map(({ kind }) => kind))]
  const findings = kinds.map((kind) => ({ kind, ...FINDINGS[kind] }))
  return { health, ...(owner === undefined ? {} : { owner }), report, findings, ...(report.healthy ? {} : { command: command(directory) }) }
}

function diagnosisText({ health, owner, report }: Diagnosis, directory: string): string {
  const parts = [healthTable(health)]
  if (owner !== undefined) parts.push(`owned by a running process: ${owner}`)
  const notices = noticeText(report).join('\n')
  const noted = notices === '' ? [] : [notices]
  if (report.healthy) return [...parts, `healthy: ${scannedText(report)}`, ...noted].join('\n\n')
  parts.push(`${foundText(report)}, in ${scannedText(report)}`)
  for (const [kind, anomalies] of byKind(report.anomalies)) parts.push(findingText(kind, anomalies, directory))
  return [...parts, ...noted, adviceText(owner, directory)].join('\n\n')
}

function byKind(anomalies: readonly StoreAnomaly[]): Map<AnomalyKind, StoreAnomaly[]> {
  const kinds = new Map<AnomalyKind, StoreAnomaly[]>()
  for (const anomaly of anomalies) kinds.set(anomaly.kind, [...(kinds.get(anomaly.kind) ?? []), anomaly])
  return kinds
}

function findingText(kind: AnomalyKind, anomalies: readonly StoreAnomaly[], directory: string): string {
  const { means, recovery } = FINDINGS[kind]
  const lines = [kind, ...indented(means, 2), ...indented(`Recovery: ${recovery}`, 2)]
  for (const anomaly of anomalies) {
    const { path, detail } = anomaly
    lines.push(`  - ${placeText(anomaly)}`, `    ${storePath(directory, path)}`, ...indented(detail, 4))
  }
  return lines.join('\n')
}

function placeText(anomaly: StoreAnomaly): string {
  const { queue, bucket, position } = anomaly
  const lost = lostText(anomaly)
  const place = [
    queue === undefined ? 'no queue' : `queue ${nameText(queue)}`,
    bucket === undefined ? '' : `bucket ${bucket}`,
    position === undefined ? '' : `byte ${position}`,
    lost === undefined ? 'no record lost' : `${lost.includes('-') ? 'offsets' : 'offset'} ${lost} lost`,
  ]
  return place.filter((part) => part !== '').join(', ')
}

function adviceText(owner: string | undefined, directory: string): string {
  const stop = owner === undefined ? '' : `Stop its owner first (${owner}). `
  const advice = 'To repair what can be repaired, with a copy of everything that is replaced or removed:'
  return [...wrapText(`${stop}${advice}`, outputWidth()), `  ${command(directory)}`].join('\n')
}

function command(directory: string): string {
  return `varve recover ${shellWord(resolve(directory))} --mode ${MODE}`
}

function shellWord(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

function indented(text: string, by: number): string[] {
  return wrapText(text, outputWidth() - by).map((line) => ' '.repeat(by) + line)
}
