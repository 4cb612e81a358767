// What a crash may leave. A killed process loses nothing that the system has; a power failure loses, tears, reorders
// or spoils whatever was not synced.

import { type FaultBackend, faultBackend, type FaultBackendOptions } from './fault-backend.js'
import { seededRandom } from './manual-clock.js'
import {
  applyOperation,
  type BlobImage,
  currentBlob,
  currentFile,
  type DiskImage,
  type DiskOperation,
  type FileImage,
  imageIdentity,
  overlay,
  type Recording,
  settledImage,
  type UnsyncedWrite,
} from './simulated-disk.js'

export interface CrashOptions {
  /** `power`: a new boot id, unsynced changes at the mercy of chance; `kill`: the same boot id, everything kept. Default both. */
  readonly failures?: readonly ('power' | 'kill')[]
  /** Chooses garbage and the sampled subsets. Default 1. */
  readonly seed?: number
  /** Only crashes after at least this many operations. Default 0. */
  readonly from?: number
  /** Only crashes after at most this many operations. Default all. */
  readonly to?: number
  /** Subsets drawn by chance at each crash point with more than 4 unsynced changes. Default 8. */
  readonly samples?: number
  /** Options of the backends that `open()` makes. */
  readonly backend?: FaultBackendOptions
}

export interface CrashState {
  /** Where and how, in words for a failing test. */
  readonly description: string
  /** How many operations of the recording had happened. */
  readonly operations: number
  readonly failure: 'power' | 'kill'
  /** The process was killed in the middle of the last operation, which got through in part. */
  readonly isCut: boolean
  /** Equal for equal names and bytes on the disk. */
  readonly identity: string
  /** A new backend that finds what the crash left. Each call begins anew from it. */
  open(): FaultBackend
}

type Fate = 'kept' | 'lost' | 'zeros' | 'garbage' | { readonly torn: number }

/** Something that a power failure may take: a file's name, one write, or one relaxed batch of blobs. */
interface AtRisk {
  readonly kind: 'name' | 'write' | 'blob'
  readonly name: string
  readonly index: number
  readonly bytes: number
}

interface Pattern {
  readonly label: string
  readonly fates: readonly Fate[]
}

const ALL_KEPT = 'all kept'
const TEARS = [1, 512, 4096]
const ALL_SUBSETS_UP_TO = 4

/** Every crash state of the recording under these options, in a fixed order. Equal states may come twice: count identities. */
export function* crashStates(recording: Recording, options: CrashOptions = {}): Generator<CrashState> {
  const random = seededRandom(options.seed ?? 1)
  const failures = options.failures ?? ['kill', 'power']
  const to = Math.min(options.to ?? Number.POSITIVE_INFINITY, recording.operations.length)
  let image = recording.initial
  for (let done = 0; done <= to; done++) {
    if (done > 0) image = applyOperation(image, recording.operations[done - 1] as DiskOperation)
    if (done < (options.from ?? 0)) continue
    if (failures.includes('kill')) yield* killStates({ recording, image, done, options })
    if (failures.includes('power')) yield* powerStates({ recording, image, done, options }, random)
  }
}

interface Point {
  readonly recording: Recording
  readonly image: DiskImage
  readonly done: number
  readonly options: CrashOptions
}

/** A kill may cut the one write that was under way; the rest is as written. */
function* killStates(point: Point): Generator<CrashState> {
  yield stateOf(point, 'kill', ALL_KEPT, leave(point.image, []))
  const last = point.recording.operations[point.done - 1]
  if (last?.kind !== 'append') return
  const writes = point.image.files.get(last.path)?.writes.length ?? 0
  const risks: AtRisk[] = [{ kind: 'write', name: last.path, index: writes - 1, bytes: last.bytes.length }]
  for (const torn of TEARS) {
    if (torn < last.bytes.length) yield stateOf(point, 'kill', `last write torn at ${torn}`, leave(point.image, risks, [{ torn }]))
  }
}

function* powerStates(point: Point, random: () => number): Generator<CrashState> {
  const risks = risksOf(point.image)
  for (const pattern of patternsOf(risks, random, point.options.samples ?? 8)) {
    if (point.recording.relaxedLoss === 'suffix' && !losesSuffix(risks, pattern.fates)) continue
    yield stateOf(point, 'power', pattern.label, leave(point.image, risks, pattern.fates, random))
  }
}

function stateOf(point: Point, failure: 'power' | 'kill', label: string, image: DiskImage): CrashState {
  let identity: string | undefined
  const bootId = failure === 'kill' ? point.recording.bootId : `${point.recording.bootId}+`
  return {
    description: `${failure} after operation ${point.done} (${describeOperation(point.recording.operations[point.done - 1])}): ${label}`,
    operations: point.done,
    failure,
    isCut: failure === 'kill' && label !== ALL_KEPT,
    get identity() {
      identity ??= imageIdentity(image)
      return identity
    },
    open: () => faultBackend({ ...point.options.backend, lastLockToken: point.recording.lastLockToken, image, bootId }),
  }
}

function describeOperation(operation: DiskOperation | undefined): string {
  if (operation === undefined) return 'nothing yet'
  if (operation.kind === 'blobs') return `blobs ${operation.changes.map((change) => change.key).join(' ')}`
  return operation.kind === 'append'
    ? `append ${operation.bytes.length} bytes at ${operation.at} of ${operation.path}`
    : `${operation.kind} ${operation.path}`
}

function risksOf(image: DiskImage): readonly AtRisk[] {
  const risks: AtRisk[] = []
  for (const [name, file] of image.files) {
    if (!file.isNamed) risks.push({ kind: 'name', name, index: 0, bytes: 0 })
    for (const [index, write] of file.writes.entries()) risks.push({ kind: 'write', name, index, bytes: write.bytes.length })
  }
  const batches = new Set([...image.blobs.values()].flatMap((key) => key.changes.map((change) => change.sequence)))
  for (const index of [...batches].sort((a, b) => a - b)) risks.push({ kind: 'blob', name: '', index, bytes: 0 })
  return risks
}

function* patternsOf(risks: readonly AtRisk[], random: () => number, samples: number): Generator<Pattern> {
  yield { label: ALL_KEPT, fates: [] }
  if (risks.length === 0) return
  yield* subsets(risks.length, random, samples)
  for (let i = 0; i < risks.length; i++) if (risks[i]?.kind === 'write') yield* spoiled(risks, i)
}

/** All of them when there are few; else every prefix, every single loss, and some drawn by chance. */
function* subsets(count: number, random: () => number, samples: number): Generator<Pattern> {
  if (count <= ALL_SUBSETS_UP_TO) {
    for (let bits = 1; bits < 2 ** count; bits++) yield lossOf(count, (i) => (bits & (1 << i)) !== 0)
    return
  }
  for (let kept = 0; kept < count; kept++) yield lossOf(count, (i) => i >= kept)
  for (let lost = 0; lost < count - 1; lost++) yield lossOf(count, (i) => i === lost)
  for (let sample = 0; sample < samples; sample++) {
    const bits = Array.from({ length: count }, () => random() < 0.5)
    yield lossOf(count, (i) => bits[i] === true)
  }
}

/** Once a relaxed change of blobs is lost, all later ones are. */
function losesSuffix(risks: readonly AtRisk[], fates: readonly Fate[]): boolean {
  const left = risks.flatMap((risk, i) => (risk.kind === 'blob' ? [fates[i] ?? 'kept'] : []))
  const first = left.indexOf('lost')
  return first === -1 || left.slice(first).every((fate) => fate === 'lost')
}

function lossOf(count: number, isLost: (i: number) => boolean): Pattern {
  const fates = Array.from({ length: count }, (_, i): Fate => (isLost(i) ? 'lost' : 'kept'))
  return { label: `lost ${fates.flatMap((fate, i) => (fate === 'lost' ? [i] : [])).join(' ')} of ${count}`, fates }
}

/** One write torn, zeroed or spoiled: as the last that got through, and with the later ones through before it. */
function* spoiled(risks: readonly AtRisk[], at: number): Generator<Pattern> {
  const bytes = risks[at]?.bytes ?? 0
  const tears = TEARS.filter((torn) => torn < bytes).map((torn): Fate => ({ torn }))
  for (const fate of [...tears, 'zeros', 'garbage'] as const) {
    for (const later of ['lost', 'kept'] as const) {
      if (later === 'kept' && at === risks.length - 1) continue
      const fates = risks.map((_, i): Fate => (i === at ? fate : i < at ? 'kept' : later))
      yield {
        label: `change ${at} of ${risks.length} ${typeof fate === 'string' ? fate : `torn at ${fate.torn}`}, later ones ${later}`,
        fates,
      }
    }
  }
}

/** The image with each risk's fate applied and all that is left settled. Risks without a fate are kept. */
function leave(image: DiskImage, risks: readonly AtRisk[], fates: readonly Fate[] = [], random: () => number = seededRandom(1)): DiskImage {
  const fateOf = new Map(risks.map((risk, i) => [`${risk.kind} ${risk.index} ${risk.name}`, fates[i] ?? 'kept']))
  const files = new Map<string, Uint8Array>()
  for (const [path, file] of image.files) {
    if (fateOf.get(`name 0 ${path}`) === 'lost') continue
    files.set(
      path,
      leaveFile(file, (index) => fateOf.get(`write ${index} ${path}`) ?? 'kept', random),
    )
  }
  const blobs = new Map<string, BlobImage>()
  for (const [key, value] of image.blobs) {
    const kept = value.changes.filter((change) => fateOf.get(`blob ${change.sequence} `) !== 'lost')
    const blob = currentBlob({ synced: value.synced, changes: kept })
    if (blob !== undefined) blobs.set(key, blob)
  }
  return settledImage(files, blobs)
}

function leaveFile(file: FileImage, fateOf: (index: number) => Fate, random: () => number): Uint8Array {
  if (file.writes.length === 0) return currentFile(file)
  const left = file.writes.flatMap((write, index) => leaveWrite(write, fateOf(index), random))
  return overlay(file.synced, left)
}

function leaveWrite(write: UnsyncedWrite, fate: Fate, random: () => number): readonly Pick<UnsyncedWrite, 'at' | 'bytes'>[] {
  if (fate === 'kept') return [write]
  if (fate === 'lost') return []
  if (fate === 'zeros') return [{ at: write.at, bytes: new Uint8Array(write.bytes.length) }]
  if (fate === 'garbage') return [{ at: write.at, bytes: write.bytes.map(() => Math.floor(random() * 256)) }]
  return [{ at: write.at, bytes: write.bytes.subarray(0, fate.torn) }]
}
