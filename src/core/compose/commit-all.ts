// One atomic batch of blobs: a chunk for each log, under its next number, and the changes of keys. Where somebody else was first
// in a log, all of it is made anew behind that, and tried again; where a key's condition fails, nothing is stored.

import { backOff } from '../base/backoff.js'
import { isStorageError, StorageError } from '../base/errors.js'
import { newWriteId } from '../codec/envelope.js'
import type { StoreContext } from '../derived/store-context.js'
import { journalOf } from '../derived/streams-over-journals.js'
import { type ProposedAppend, proposeAppend } from '../engine/append-proposal.js'
import type { Journal } from '../engine/journal.js'
import { conditionOf, versionOf } from '../features/kv/compare-and-set.js'
import { KvNamespace, type PreparedChange } from '../features/kv/kv-namespace.js'
import { type PreparedRecord, QueueHandle } from '../features/queue/queue-handle.js'
import type { TransactionAppendOptions } from '../features/queue/types.js'
import type { BlobWrite } from '../ports/blob-store.js'
import type { TransactionOperation } from './transaction-operations.js'

const MAX_ATTEMPTS = 100
const BACKOFF = { firstMs: 2, maxMs: 500 }

type Prepared = { readonly record: PreparedRecord; readonly when: TransactionAppendOptions['when'] } | { readonly change: PreparedChange }

/** The records of one log, with the conditions of each. */
interface LogAppend {
  readonly journal: Journal
  readonly records: { readonly prepared: PreparedRecord; readonly when: TransactionAppendOptions['when'] }[]
}

/** Ready to be stored as it is. */
interface Attempt {
  readonly proposals: readonly ProposedAppend[]
  readonly writes: readonly BlobWrite[]
}

export async function commitAll(context: StoreContext, operations: readonly TransactionOperation[]): Promise<readonly unknown[]> {
  checkBackend(context, operations)
  const prepared = await Promise.all(operations.map((operation) => prepare(context, operation)))
  await context.writable('transaction')
  if (prepared.length === 0) return []
  const commit = new Commit(context, prepared)
  const proposals = await commit.run()
  return commit.results(prepared, proposals)
}

function checkBackend({ backend }: StoreContext, operations: readonly TransactionOperation[]): void {
  const { name, blobs, files, streams } = backend
  const missing = blobs.batch === undefined ? 'batch' : undefined
  const isInBlobs = files === undefined && streams === undefined
  if (missing === undefined && (isInBlobs || !operations.some((operation) => 'append' in operation))) return
  const message = `${name} cannot store several things in one commit; use IndexedDB or memory, or make each step one that can be repeated`
  const facts = { feature: 'transaction', missing: missing ?? 'queues in blobs' }
  throw new StorageError('unsupported', message, { backend: name, operation: 'transaction', facts })
}

async function prepare(context: StoreContext, operation: TransactionOperation): Promise<Prepared> {
  if ('append' in operation) {
    const { queue, value, options } = operation.append
    if (!(queue instanceof QueueHandle)) throw invalid('toAppend takes a queue of openQueue')
    const record = await (queue as QueueHandle<unknown, unknown>).prepare(value, options)
    checkOwner(context, record.context)
    return { record, when: options.when }
  }
  const { kv, key, options } = 'put' in operation ? operation.put : operation.delete
  if (!(kv instanceof KvNamespace)) throw invalid('toPut and toDelete take a namespace of openKv')
  const change = (kv as KvNamespace<Record<string, unknown>>).prepare(key, 'put' in operation ? operation.put : undefined, options)
  checkOwner(context, change.context)
  return { change }
}

function checkOwner(context: StoreContext, owner: StoreContext): void {
  if (owner !== context) throw invalid('a transaction is of keys and queues that were opened on its own store')
}

class Commit {
  readonly #context: StoreContext
  readonly #logs: readonly LogAppend[]
  readonly #changes: readonly PreparedChange[]
  /** The same at every attempt: whatever carries it was stored by this commit. */
  readonly #writeId = newWriteId()

  constructor(context: StoreContext, prepared: readonly Prepared[]) {
    this.#context = context
    this.#logs = byLog(prepared)
    this.#changes = prepared.flatMap((one) => ('change' in one ? [one.change] : []))
    const keys = new Set(this.#changes.map(({ target }) => target.blobKey))
    if (keys.size < this.#changes.length) throw invalid('a transaction changes a key once')
  }

  async run(): Promise<readonly ProposedAppend[]> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const made = await this.#make()
      if (await this.#store(made)) {
        for (const proposal of made.proposals) await proposal.stored()
        return made.proposals
      }
      for (const proposal of made.proposals) await proposal.lost()
      if (attempt > 0) await backOff(this.#context.clock, attempt, BACKOFF)
    }
    throw new StorageError('unavailable', 'too many writers were first', { operation: 'transaction', facts: { attempts: MAX_ATTEMPTS } })
  }

  /** In the order of the operations. */
  results(prepared: readonly Prepared[], proposals: readonly ProposedAppend[]): Promise<readonly unknown[]> {
    const offsets = this.#logs.map((_, index) => (proposals[index] as ProposedAppend).first)
    return Promise.all(
      prepared.map(async (one) => {
        if ('change' in one) {
          const { target, sealed } = one.change
          return sealed && { version: await versionOf(target, sealed) }
        }
        const index = this.#logs.findIndex(({ records }) => records.some(({ prepared: record }) => record === one.record))
        const { timestamp, promise } = proposals[index] as ProposedAppend
        const place = this.#logs[index]?.records.findIndex(({ prepared: record }) => record === one.record) ?? 0
        return { bucket: one.record.bucket, offset: (offsets[index] as number) + place, timestamp, durability: promise }
      }),
    )
  }

  async #make(): Promise<Attempt> {
    const proposals: ProposedAppend[] = []
    for (const { journal, records } of this.#logs) {
      // What a stale end refuses may be right at the real one.
      if (records.some(({ when }) => when !== undefined)) await journal.bounds()
      const raws = records.map(({ prepared }) => prepared.raw)
      const proposal = await proposeAppend(journal, raws, this.#writeId)
      for (const [index, { when }] of records.entries()) checkNext(when, proposal.first + index)
      proposals.push(proposal)
    }
    const changes = await Promise.all(this.#changes.map(writeOf))
    return { proposals, writes: [...proposals.flatMap(({ writes }) => writes), ...changes] }
  }

  /** False when a condition failed, and so nothing was stored. */
  async #store({ proposals, writes }: Attempt): Promise<boolean> {
    const { blobs } = this.#context.backend
    const isStrict = proposals.some(({ durability }) => durability === 'strict')
    let isUncertain = false
    for (let attempt = 0; ; attempt++) {
      try {
        await blobs.batch?.(withoutRepeats(writes), isStrict ? { durability: 'strict' } : {})
        return true
      } catch (error) {
        const isConflict = isStorageError(error, 'conflict')
        if (!isConflict && !isStorageError(error, 'unavailable')) throw error
        const isThere = await this.#isStored(proposals)
        if (isThere === true || (isConflict && !isUncertain)) return isThere === true
        if (isConflict && isThere === false && proposals.length > 0) return false // somebody else has the number
        if (isConflict || attempt >= MAX_ATTEMPTS) throw unknownOutcome(error)
        isUncertain = true
        await backOff(this.#context.clock, attempt, BACKOFF)
      }
    }
  }

  /** undefined where nothing tells. */
  async #isStored([proposal]: readonly ProposedAppend[]): Promise<boolean | undefined> {
    if (proposal !== undefined) return proposal.isStored()
    for (const { target, sealed } of this.#changes) if (sealed !== undefined) return (await versionOf(target, sealed)) !== undefined
    return undefined
  }
}

function byLog(prepared: readonly Prepared[]): LogAppend[] {
  const logs: LogAppend[] = []
  for (const one of prepared) {
    if ('change' in one) continue
    const { record, when } = one
    const journal = journalOf(record.stream)
    if (journal === undefined) throw invalid('the queue is not of this store')
    let log = logs.find((other) => other.journal === journal) // of any handle
    if (log === undefined) {
      log = { journal, records: [] }
      logs.push(log)
    }
    log.records.push({ prepared: record, when })
  }
  return logs
}

function checkNext(when: TransactionAppendOptions['when'], next: number): void {
  if (when === undefined || when.next === next) return
  throw new StorageError('conflict', 'the log does not end where the append expected', {
    operation: 'transaction',
    facts: { expected: when.next, next },
  })
}

async function writeOf({ target, sealed, expiresAt, when }: PreparedChange): Promise<BlobWrite> {
  const key = target.blobKey
  const condition = when === undefined ? {} : { when: await conditionOf(target, when) }
  if (sealed === undefined) return { key, delete: true, ...condition }
  return { key, put: sealed.bytes, ...condition, ...(expiresAt === undefined ? {} : { expiresAt }) }
}

/** The buckets of a queue check the same entry of the catalogue. */
function withoutRepeats(writes: readonly BlobWrite[]): BlobWrite[] {
  const checked = new Set<string>()
  return writes.filter((write) => {
    if (!('check' in write)) return true
    const isNew = !checked.has(write.key)
    checked.add(write.key)
    return isNew
  })
}

function invalid(message: string): StorageError {
  return new StorageError('invalid', message, { operation: 'transaction' })
}

function unknownOutcome(cause: unknown): StorageError {
  return new StorageError('unavailable', 'an answer was lost: whether the transaction is stored is not known', {
    operation: 'transaction',
    cause,
  })
}
