// An append that is not stored here, but by somebody who commits several things at once.

import { StorageError } from '../base/errors.js'
import type { Durability } from '../ports/options.js'
import type { RawRecord } from '../ports/stream-broker.js'
import { guessBatchBytes, type PlacedAppend } from './append-batch.js'
import type { EncodedFrames, LogEnd } from './frames.js'
import { giveBackMemory } from './frame-memory.js'
import type { Journal } from './journal.js'
import type { Proposal } from './log.js'

export interface ProposedAppend extends Proposal {
  /** Offset of the first record. */
  readonly first: number
  readonly timestamp: number
  /** How durable it is once it is stored. */
  readonly promise: Durability
}

/** `unsupported` where the log takes more than blobs. Whoever proposes tells what became of it before the next proposal. */
export async function proposeAppend(journal: Journal, records: readonly RawRecord[], writeId: Uint8Array): Promise<ProposedAppend> {
  const { log, clock, compress, announce } = journal.inside
  let place = { first: 0, timestamp: 0 }
  let encoded: EncodedFrames | undefined
  const encode = async (at: LogEnd): Promise<EncodedFrames> => {
    place = { first: at.next, timestamp: Math.max(clock.now(), at.timestamp) }
    encoded = log.format.encodeAppends([placed(records, at.next)], at, place.timestamp)
    if (compress === undefined) return encoded
    const smaller = await compress(encoded, at)
    giveBackMemory(encoded.bytes)
    encoded = smaller
    return smaller
  }
  const proposal = await log.propose?.(encode, writeId)
  if (proposal === undefined || encoded === undefined) {
    throw new StorageError('unsupported', 'a log of files takes no part in a commit of several things', { operation: 'transaction' })
  }
  giveBackMemory(encoded.bytes)
  const stored = async (): Promise<void> => {
    await proposal.stored()
    announce()
  }
  return { ...proposal, ...place, promise: log.durability.written, stored }
}

function placed(records: readonly RawRecord[], first: number): PlacedAppend {
  const append = { records, bytes: guessBatchBytes(records), options: {}, speaks: false, resolve() {}, reject() {} }
  return { append, first, records }
}
