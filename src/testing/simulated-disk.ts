// A disk in memory that knows what is synced. It is a list of operations over an immutable image, so that the state
// after any prefix, and what a crash may leave of it, can be worked out later.

/** Bytes that reached the operating system at this place of a file and were not synced since. */
export interface UnsyncedWrite {
  readonly at: number
  readonly bytes: Uint8Array
  /** Rises with every write of the disk. */
  readonly sequence: number
  /** A sync of it failed: the system has dropped the page from its list, so that later syncs do not cover it. */
  readonly isDoomed?: boolean
}

export interface FileImage {
  /** What is on the medium for certain. */
  readonly synced: Uint8Array
  readonly writes: readonly UnsyncedWrite[]
  /** False until the first strict sync: the file itself may be gone after a power failure. */
  readonly isNamed: boolean
}

export interface BlobImage {
  readonly bytes: Uint8Array
  readonly version: string
}

/** Changes of one sequence are one batch: a power failure takes all of it or nothing. */
export interface RelaxedChange {
  readonly sequence: number
  /** undefined deletes. */
  readonly blob: BlobImage | undefined
}

export interface KeyImage {
  /** What is on the medium for certain; undefined when there is nothing. */
  readonly synced: BlobImage | undefined
  /** Relaxed changes since, oldest first. Each may be what a power failure leaves. */
  readonly changes: readonly RelaxedChange[]
}

export interface DiskImage {
  readonly files: ReadonlyMap<string, FileImage>
  readonly blobs: ReadonlyMap<string, KeyImage>
}

/** One change of the disk, in the order in which they happened. */
export type DiskOperation =
  | { readonly kind: 'create'; readonly path: string }
  | { readonly kind: 'append'; readonly path: string; readonly at: number; readonly bytes: Uint8Array; readonly sequence: number }
  /** Makes the writes of the file below this sequence durable. */
  | { readonly kind: 'sync'; readonly path: string; readonly before: number }
  | { readonly kind: 'failed-sync'; readonly path: string }
  | { readonly kind: 'delete-file'; readonly path: string }
  /** `keepsAll`: also makes every relaxed change before it durable. */
  | {
      readonly kind: 'blobs'
      readonly changes: readonly BlobChange[]
      readonly isStrict: boolean
      readonly keepsAll: boolean
      readonly sequence: number
    }

/** Which relaxed changes a power failure may take: any, or all from one on. */
export type RelaxedLoss = 'any' | 'suffix'

export interface BlobChange {
  readonly key: string
  /** undefined deletes. */
  readonly blob: BlobImage | undefined
}

/**
 * All that a crash needs to know: where it began and what was done. It grows while the backend is used: a test that
 * notes `operations.length` at each acknowledgement knows what every crash state must still hold.
 */
export interface Recording {
  readonly initial: DiskImage
  readonly operations: readonly DiskOperation[]
  readonly bootId: string
  /** Greatest lock token given out so far. */
  readonly lastLockToken: number
  readonly relaxedLoss: RelaxedLoss
}

export const EMPTY_IMAGE: DiskImage = { files: new Map(), blobs: new Map() }
const EMPTY_FILE: FileImage = { synced: new Uint8Array(0), writes: [], isNamed: false }

/** The image after one more operation. */
export function applyOperation(image: DiskImage, operation: DiskOperation): DiskImage {
  if (operation.kind === 'blobs') return { ...image, blobs: changeBlobs(image.blobs, operation) }
  if (operation.kind.endsWith('sync') && !image.files.has(operation.path)) return image
  const files = new Map(image.files)
  if (operation.kind === 'delete-file') files.delete(operation.path)
  else files.set(operation.path, changeFile(files.get(operation.path) ?? EMPTY_FILE, operation))
  return { ...image, files }
}

function changeFile(file: FileImage, operation: Exclude<DiskOperation, { kind: 'blobs' | 'delete-file' }>): FileImage {
  switch (operation.kind) {
    case 'create':
      return file
    case 'append':
      return { ...file, writes: [...file.writes, { at: operation.at, bytes: operation.bytes, sequence: operation.sequence }] }
    case 'failed-sync':
      return { ...file, writes: file.writes.map((write) => ({ ...write, isDoomed: true })) }
    case 'sync':
      return syncFile(file, operation.before)
  }
}

function syncFile(file: FileImage, before: number): FileImage {
  const isCovered = (write: UnsyncedWrite): boolean => write.sequence < before && write.isDoomed !== true
  const left = file.writes.filter((write) => !isCovered(write))
  return { synced: overlay(file.synced, file.writes.filter(isCovered)), writes: left, isNamed: true }
}

function changeBlobs(blobs: ReadonlyMap<string, KeyImage>, operation: DiskOperation & { kind: 'blobs' }): ReadonlyMap<string, KeyImage> {
  const { changes, isStrict, keepsAll, sequence } = operation
  const changed = keepsAll ? settledBlobs(blobs) : new Map(blobs)
  for (const { key, blob } of changes) {
    const before = changed.get(key) ?? { synced: undefined, changes: [] }
    if (!isStrict) changed.set(key, { synced: before.synced, changes: [...before.changes, { sequence, blob }] })
    else if (blob === undefined) changed.delete(key)
    else changed.set(key, { synced: blob, changes: [] })
  }
  return changed
}

function settledBlobs(blobs: ReadonlyMap<string, KeyImage>): Map<string, KeyImage> {
  const settled = new Map<string, KeyImage>()
  for (const [key, image] of blobs) {
    const synced = currentBlob(image)
    if (synced !== undefined) settled.set(key, image.changes.length === 0 ? image : { synced, changes: [] })
  }
  return settled
}

/** `base` with the writes on top; what lies between is zeros. */
export function overlay(base: Uint8Array, writes: readonly Pick<UnsyncedWrite, 'at' | 'bytes'>[]): Uint8Array {
  if (writes.length === 0) return base
  const length = writes.reduce((end, write) => Math.max(end, write.at + write.bytes.length), base.length)
  const whole = new Uint8Array(length)
  whole.set(base)
  for (const write of writes) whole.set(write.bytes, write.at)
  return whole
}

/** What a running system shows: everything written, synced or not. */
export function currentFile(file: FileImage): Uint8Array {
  return overlay(file.synced, file.writes)
}

export function currentBlob(key: KeyImage | undefined): BlobImage | undefined {
  if (key === undefined) return undefined
  return key.changes.length === 0 ? key.synced : key.changes[key.changes.length - 1]?.blob
}

/** An image in which all of these are durable. */
export function settledImage(files: ReadonlyMap<string, Uint8Array>, blobs: ReadonlyMap<string, BlobImage>): DiskImage {
  return {
    files: new Map([...files].map(([path, synced]) => [path, { synced, writes: [], isNamed: true }])),
    blobs: new Map([...blobs].map(([key, synced]) => [key, { synced, changes: [] }])),
  }
}

/** Equal for equal names and bytes. 64 bits, not for adversaries. */
export function imageIdentity(image: DiskImage): string {
  const hash = new Hash64()
  for (const path of [...image.files.keys()].sort()) hash.add('f', path, currentFile(image.files.get(path) as FileImage))
  for (const key of [...image.blobs.keys()].sort()) {
    const blob = currentBlob(image.blobs.get(key))
    if (blob !== undefined) hash.add('b', key, blob.bytes)
  }
  return hash.text()
}

class Hash64 {
  #a = 0x811c9dc5
  #b = 0x9747b28c

  add(kind: string, name: string, bytes: Uint8Array): void {
    for (const unit of `${kind}${name.length}:${name}${bytes.length}:`) this.#mix(unit.charCodeAt(0))
    for (let i = 0; i < bytes.length; i++) this.#mix(bytes[i] as number)
  }

  text(): string {
    return (this.#a >>> 0).toString(16).padStart(8, '0') + (this.#b >>> 0).toString(16).padStart(8, '0')
  }

  #mix(byte: number): void {
    this.#a = Math.imul(this.#a ^ byte, 0x01000193)
    this.#b = Math.imul((this.#b << 5) ^ (this.#b >>> 27) ^ byte, 0x5bd1e995)
  }
}
