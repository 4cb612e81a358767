// What a collection of garbage tells everybody else, in one cell: its epoch, and the packs that are going to be deleted. Who
// saves reads it first, relies on none of those packs, and commits only where its session has not been stamped by a later one.

import type { Clock } from '../../base/clock.js'
import { StorageError } from '../../base/errors.js'
import { isAbsentOr, isCount, isListOf, isText, type Shape, wrongPart } from '../../base/shape.js'
import type { BlobStore } from '../../ports/blob-store.js'
import { Cell } from '../cell.js'

const FORMAT = 1
/** Collections that may have been published and not have stamped any session when the cell was lost. */
const UNSEEN_EPOCHS = 1_000_000

const COLLECTION: Shape = [
  ['format', (value) => value === FORMAT],
  ['epoch', isCount],
  ['token', isAbsentOr(isText)],
  ['doomed', isListOf(isText)],
]

export interface StoredCollection {
  readonly format: number
  readonly epoch: number
  /** Of the collector at work; another's means: stop. */
  readonly token?: string
  /** Names of packs, ascending. They stay until they are gone: nobody may rely on them again. */
  readonly doomed: readonly string[]
}

export interface Collection {
  /** Of the cell; undefined where there is none yet. */
  readonly version: string | undefined
  readonly epoch: number
  readonly token: string | undefined
  readonly doomed: ReadonlySet<string>
}

export function collectionCell(blobs: BlobStore, clock: Clock, path: string): Cell<StoredCollection> {
  return new Cell<StoredCollection>({ blobs, clock, key: `${path}/collection` })
}

export async function readCollection(cell: Cell<StoredCollection>, signal?: AbortSignal): Promise<Collection> {
  const { value, version } = await cell.read(signal)
  const { epoch, token, doomed } = openCollection(value)
  return { version, epoch, token, doomed: new Set(doomed) }
}

/** What there is before the first collection; `unsupported` for a newer format. */
export function openCollection(stored: StoredCollection | undefined): StoredCollection {
  if (stored === undefined) return { format: FORMAT, epoch: 0, doomed: [] }
  const { format } = Object(stored) as Partial<StoredCollection>
  if (typeof format === 'number' && format > FORMAT) {
    throw new StorageError('unsupported', 'collected by a newer version of Varve', { facts: { format, newestKnown: FORMAT } })
  }
  const part = wrongPart(stored, COLLECTION)
  if (part === undefined) return stored
  throw new StorageError('corrupt', 'the cell of the collections holds none', { facts: { part } })
}

/**
 * What the cell has to be where sessions were stamped up to `stamp`; undefined where it is right. A collection is published before it
 * stamps, so a cell that is behind its stamps was lost, or comes from an older copy.
 */
export function caughtUp(stored: StoredCollection | undefined, stamp: number): StoredCollection | undefined {
  const { epoch, doomed } = openCollection(stored)
  return epoch < stamp ? renewedCollection(stamp, doomed) : undefined
}

/** Later than all that may have been: whoever began under one of them is refused by the next stamp. Who collects meanwhile is fenced. */
export function renewedCollection(stamp: number, doomed: readonly string[] = []): StoredCollection {
  return { format: FORMAT, epoch: stamp + UNSEEN_EPOCHS, doomed }
}
