// The handle that openSnapshots gives out: checks, then the parts that do the work.

import { asyncDispose } from '../../base/async-dispose.js'
import { StorageError } from '../../base/errors.js'
import { mapOrdered } from '../../base/map-ordered.js'
import { KeyedMutex } from '../../base/mutex.js'
import type { Codec } from '../../codec/codec.js'
import { decodeValue, readyToDecode } from '../../codec/codecs.js'
import type { CompressionName } from '../../codec/compression.js'
import type { StoreContext } from '../../derived/resolve.js'
import type { Cancellable } from '../../ports/options.js'
import { readContent } from './content.js'
import { contentPrefix, manifestKey, sessionKey } from './layout.js'
import { infoOf, type Manifest } from './manifest.js'
import { publish } from './publish.js'
import { checkBranch, checkSession, takeRequest } from './save-request.js'
import { headOf, openSession, type SessionEntry, withoutEntries } from './session.js'
import { isDamage, type Located, missing, SnapshotIndex } from './snapshot-index.js'
import type { BranchRef, SessionRef, SnapshotChange, SnapshotFilter, SnapshotInfo, Snapshots } from './types.js'
import type { SaveState } from './save-types.js'
import type { SnapshotReport } from './upkeep-types.js'
import { verifyAll, verifyOne } from './verify.js'
import { changeOf, SnapshotWatcher } from './watcher.js'

const READ_AHEAD = 16

export class SnapshotStore<State> implements Snapshots<State> {
  readonly #context: StoreContext
  readonly #codec: Codec
  readonly #compression: CompressionName
  readonly #index: SnapshotIndex
  readonly #watcher: SnapshotWatcher
  /** Saves to one session take turns here, so that only other processes are rivals. */
  readonly #turns = new KeyedMutex()
  readonly #forget: () => void
  #closed = false

  constructor(context: StoreContext, codec: Codec, compression: CompressionName) {
    this.#context = context
    this.#codec = codec
    this.#compression = compression
    this.#index = new SnapshotIndex(context.backend, context.clock)
    this.#watcher = new SnapshotWatcher(context, this.#index)
    this.#forget = context.onClose(this)
  }

  async save(options: SaveState<State>): Promise<SnapshotInfo> {
    this.#checkOpen('save')
    const request = takeRequest(options, this.#codec)
    const key = sessionKey(request, this.#context.backend.blobs.traits)
    request.signal?.throwIfAborted()
    await this.#context.writable('save')
    const manifest = await this.#turns.run(key, () => publish(this.#context, this.#index, request, this.#compression))
    const { id, agent, session, branch, index } = manifest
    this.#watcher.changed([{ type: 'saved', id, agent, session, branch, index }])
    return infoOf(manifest)
  }

  async load(which: string | BranchRef, options: Cancellable = {}): Promise<State> {
    this.#checkOpen('load')
    const manifest = await this.#resolve(which, options.signal)
    const plain = await this.#content(manifest, options.signal)
    await readyToDecode([manifest.codec])
    try {
      return decodeValue(manifest.codec, plain, this.#codec) as State
    } catch (cause) {
      if (cause instanceof StorageError && cause.code === 'unsupported') throw cause
      throw new StorageError('corrupt', 'the state of a snapshot cannot be decoded', {
        key: manifest.id,
        cause,
        facts: { codec: manifest.codec },
      })
    }
  }

  async info(id: string, options: Cancellable = {}): Promise<SnapshotInfo> {
    this.#checkOpen('info')
    return infoOf(await this.#index.published(id, options.signal))
  }

  async latest(branch: BranchRef, options: Cancellable = {}): Promise<SnapshotInfo | undefined> {
    this.#checkOpen('latest')
    const manifest = await this.#head(branch, options.signal)
    return manifest === undefined ? undefined : infoOf(manifest)
  }

  async *list(filter: SnapshotFilter = {}): AsyncGenerator<SnapshotInfo> {
    this.#checkOpen('list')
    checkFilter(filter)
    const { limit = Number.POSITIVE_INFINITY, signal } = filter
    const found = (await this.#index.select(filter)).slice(0, limit)
    const load = async (located: Located): Promise<SnapshotInfo | undefined> => await this.#listed(located, signal)
    for await (const info of mapOrdered(each(found), READ_AHEAD, load)) {
      this.#checkOpen('list')
      if (info !== undefined) yield info
    }
  }

  async verify(id?: string, options: Cancellable = {}): Promise<SnapshotReport> {
    this.#checkOpen('verify')
    const { blobs } = this.#context.backend
    if (id === undefined) return await verifyAll(blobs, this.#index, options.signal)
    return await verifyOne(blobs, this.#index, id, options.signal)
  }

  async delete(which: string | SessionRef, options: Cancellable = {}): Promise<void> {
    this.#checkOpen('delete')
    if (typeof which !== 'string') checkSession(which)
    await this.#context.writable('delete')
    if (typeof which !== 'string') return await this.#remove(which, () => true, options.signal)
    const located = await this.#index.locate(which, options.signal)
    if (located !== undefined) await this.#remove(located.ref, (entry) => entry.id === which, options.signal)
  }

  watch(listener: (change: SnapshotChange) => void): () => void {
    this.#checkOpen('watch')
    return this.#watcher.watch(listener)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#watcher.close()
    this.#forget()
  }

  [asyncDispose](): Promise<void> {
    return this.close()
  }

  async #resolve(which: string | BranchRef, signal: AbortSignal | undefined): Promise<Manifest> {
    if (typeof which === 'string') return await this.#index.published(which, signal)
    const head = await this.#head(which, signal)
    if (head === undefined) throw missing({ agent: which.agent, session: which.session, branch: checkBranch(which) })
    return head
  }

  async #head(ref: BranchRef, signal: AbortSignal | undefined): Promise<Manifest | undefined> {
    const branch = checkBranch(ref)
    const id = headOf(await this.#index.session(ref, signal), branch)
    return id === undefined ? undefined : await this.#index.manifest(id, signal)
  }

  /** A part that is gone is damage, unless the whole snapshot was deleted meanwhile. */
  async #content(manifest: Manifest, signal: AbortSignal | undefined): Promise<Uint8Array> {
    try {
      return await readContent(this.#context.backend.blobs, manifest, signal)
    } catch (error) {
      if (!(error instanceof StorageError) || error.code !== 'missing') throw error
      if ((await this.#index.locateIn(manifest, manifest.id, signal)) === undefined) throw missing({ id: manifest.id })
      throw new StorageError('corrupt', 'the content of a snapshot is gone', { key: manifest.id, facts: error.facts, cause: error })
    }
  }

  /** undefined for a snapshot that was deleted since the list began. */
  async #listed({ ref, entry }: Located, signal: AbortSignal | undefined): Promise<SnapshotInfo | undefined> {
    try {
      return infoOf(await this.#index.manifest(entry.id, signal))
    } catch (error) {
      if (!isDamage(error) || error.code !== 'missing') throw error
      if ((await this.#index.locateIn(ref, entry.id, signal)) === undefined) return undefined
      throw new StorageError('corrupt', 'the manifest of a snapshot is gone', { key: entry.id, cause: error })
    }
  }

  /** The cell first: from then on they do not exist, whatever becomes of their blobs. */
  async #remove(ref: SessionRef, isGone: (entry: SessionEntry) => boolean, signal: AbortSignal | undefined): Promise<void> {
    let gone: readonly SessionEntry[] = []
    await this.#index.cell(ref).update((stored) => {
      const state = openSession(stored, ref)
      const found = state.entries.filter(isGone)
      if (found.length > 0) gone = found
      return found.length === 0 ? undefined : withoutEntries(state, isGone)
    }, signal)
    for (const entry of gone) await this.#removeBlobs(entry, signal)
    this.#watcher.changed(gone.map((entry) => changeOf('deleted', ref, entry)))
  }

  async #removeBlobs(entry: SessionEntry, signal: AbortSignal | undefined): Promise<void> {
    const { blobs } = this.#context.backend
    const keys = [manifestKey(entry.id)]
    const prefix = contentPrefix(entry.contentId)
    for await (const { key } of blobs.list(signal === undefined ? { prefix } : { prefix, signal })) keys.push(key)
    await blobs.delete(keys, signal === undefined ? {} : { signal })
  }

  #checkOpen(operation: string): void {
    this.#context.checkOpen(operation)
    if (this.#closed) throw new StorageError('closed', 'the snapshots are closed', { backend: this.#context.backend.name, operation })
  }
}

function checkFilter({ limit = 0, before = 0, after = 0 }: SnapshotFilter): void {
  const operation = 'list'
  if (!(limit >= 0)) throw new StorageError('invalid', 'limit is 0 or more', { operation, facts: { limit } })
  if (Number.isNaN(Number(before)) || Number.isNaN(Number(after))) {
    throw new StorageError('invalid', 'before and after are milliseconds since 1970, or a Date', { operation, facts: { before, after } })
  }
}

async function* each<Item>(items: readonly Item[]): AsyncGenerator<Item> {
  yield* items
}
