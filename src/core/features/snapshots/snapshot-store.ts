// The handle that openSnapshots gives out: checks, then the parts that do the work.

import { asyncDispose } from '../../base/async-dispose.js'
import { StorageError } from '../../base/errors.js'
import { loadPart } from '../../base/load-part.js'
import type { Trace } from '../../base/trace.js'
import { KeyedMutex } from '../../base/mutex.js'
import type { ArchiveSource } from '../../codec/archive/byte-source.js'
import type { Store } from '../../derived/resolve.js'
import type { Backend } from '../../ports/backend.js'
import type { Cancellable } from '../../ports/options.js'
import type { SnapshotExportOptions, SnapshotImportOptions, SnapshotImportReport } from './archive-types.js'
import { piecesOf, stateOf } from './contents.js'
import { missing } from './damage.js'
import { checkTarget, fork, forkRef } from './fork.js'
import { label, pinned, type Relabel, tagged, unpinned, untagged } from './label.js'
import { sessionKey } from './layout.js'
import { checkFilter, selectInfos } from './list.js'
import { infoOf, type Manifest } from './manifest.js'
import { openPlace } from './open-place.js'
import type { SnapshotPlace } from './place.js'
import { publish } from './publish.js'
import type { LazySnapshot, LoadOptions, LoadPathOptions, PatchOperation, Salvaged } from './read-types.js'
import { toStream } from './read-stream.js'
import { removeOne, removeSession } from './removal.js'
import type { PruneOptions, PrunePolicy, PruneReport } from './retention-types.js'
import { checkBranch, checkSession, type SaveRequest, takeRequest, takeTags } from './save-request.js'
import type { AutoOptions, AutoSave, SaveItem, SaveManyOptions, SaveOptions } from './save-types.js'
import { labelledInfo, type Located } from './snapshot-index.js'
import { sizesOf, sizesOfAll, Spans } from './spans.js'
import type { Snapshots } from './snapshots.js'
import type { BranchRef, ForkTarget, SessionRef, SnapshotChange, SnapshotFilter, SnapshotInfo, SubscribeOptions } from './types.js'
import type {
  CollectOptions,
  CollectReport,
  CopyOptions,
  CopyReport,
  RepairOptions,
  RepairReport,
  SnapshotReport,
  VerifyOptions,
} from './upkeep-types.js'
import { changeOf, SnapshotWatcher } from './watcher.js'

export { openPlace }

export class SnapshotStore<State> implements Snapshots<State> {
  readonly #place: SnapshotPlace
  readonly #spans: Spans
  readonly #watcher: SnapshotWatcher
  /** Saves to one session take turns here, so that only other processes are rivals. */
  readonly #turns = new KeyedMutex()
  readonly #savers = new Set<AutoSave>()
  readonly #forget: () => void
  #closed = false

  constructor(place: SnapshotPlace, trace?: Trace) {
    this.#place = place
    this.#spans = new Spans(trace, place.context.backend.name)
    this.#watcher = new SnapshotWatcher(place.context, place.index)
    this.#forget = place.context.onClose(this)
  }

  async save(options: SaveOptions<State>): Promise<SnapshotInfo> {
    this.#checkOpen('save')
    return await this.#save(options, () => takeRequest(options, this.#place.codec))
  }

  async saveMany(
    items: Iterable<SaveItem<State>> | AsyncIterable<SaveItem<State>>,
    options: SaveManyOptions = {},
  ): Promise<readonly SnapshotInfo[]> {
    this.#checkOpen('saveMany')
    return await this.#spans.run('saveMany', options, async (add) => {
      options.signal?.throwIfAborted()
      await this.#place.context.writable('saveMany')
      const { saveMany } = await loadPart('saving many', () => import('./save-many.js'))
      const saved = await saveMany(this.#place, items, options, async (key, run) => {
        const infos = await this.#turns.run(key, run)
        this.#watcher.changed(infos.map((info) => changeOf('saved', info, info)))
        return infos
      })
      add(sizesOfAll(saved))
      return saved
    })
  }

  load<Part = unknown>(which: string | BranchRef, options: LoadPathOptions): Promise<Part>
  load(which: string | BranchRef, options?: LoadOptions): Promise<State>
  async load(which: string | BranchRef, options: LoadOptions & Partial<LoadPathOptions> = {}): Promise<unknown> {
    this.#checkOpen('load')
    const { signal, path } = options
    return await this.#spans.run('load', { about: which, signal }, async (add) => {
      const { manifest } = await this.#resolve(which, signal)
      add(path === undefined ? sizesOf(manifest) : { id: manifest.id })
      if (path === undefined) return await stateOf(this.#place, manifest, options)
      const { loadPath } = await lazyPart()
      return await loadPath(this.#place, manifest, path, signal)
    })
  }

  async lazy(which: string | BranchRef, options: Cancellable = {}): Promise<LazySnapshot> {
    this.#checkOpen('lazy')
    const source = await this.#resolve(which, options.signal)
    const { openLazy } = await lazyPart()
    return await openLazy(this.#place, source, () => this.#checkOpen('lazy'))
  }

  async salvage(which: string | BranchRef, options: Cancellable = {}): Promise<Salvaged<State>> {
    this.#checkOpen('salvage')
    const { manifest } = await this.#resolve(which, options.signal)
    const { salvage } = await lazyPart()
    return await salvage<State>(this.#place, manifest, options.signal)
  }

  async diff(a: string | BranchRef, b: string | BranchRef, { signal }: Cancellable = {}): Promise<readonly PatchOperation[]> {
    this.#checkOpen('diff')
    const [from, to] = [await this.#resolve(a, signal), await this.#resolve(b, signal)]
    const { diff } = await loadPart('differences', () => import('./diff.js'))
    return await diff(this.#place, from.manifest, to.manifest, signal)
  }

  async stream(which: string | BranchRef, options: Cancellable = {}): Promise<ReadableStream<Uint8Array>> {
    this.#checkOpen('stream')
    const { manifest } = await this.#resolve(which, options.signal)
    return toStream(piecesOf(this.#place, manifest, options.signal))
  }

  async info(id: string, options: Cancellable = {}): Promise<SnapshotInfo> {
    this.#checkOpen('info')
    const { manifest, summary } = await this.#place.index.published(id, options.signal)
    return labelledInfo(manifest, summary)
  }

  async latest(branch: BranchRef, options: Cancellable = {}): Promise<SnapshotInfo | undefined> {
    this.#checkOpen('latest')
    const located = await this.#place.index.head(branch, checkBranch(branch), options.signal)
    return located === undefined ? undefined : await this.#place.index.info(located, options.signal)
  }

  async *list(filter: SnapshotFilter = {}): AsyncGenerator<SnapshotInfo> {
    this.#checkOpen('list')
    checkFilter(filter, 'list')
    for await (const info of selectInfos(this.#place.index, filter)) {
      this.#checkOpen('list')
      yield info
    }
  }

  async fork(which: string | BranchRef, target: ForkTarget = {}): Promise<SnapshotInfo> {
    this.#checkOpen('fork')
    checkTarget(target)
    const { signal } = target
    return await this.#spans.run('fork', { about: which, signal }, async (add) => {
      await this.#place.context.writable('fork')
      const { manifest } = await this.#resolve(which, signal)
      const key = sessionKey(forkRef(manifest, target), this.#place.context.backend.blobs.traits)
      const info = this.#told(await this.#turns.run(key, () => fork(this.#place, manifest, target)))
      add(sizesOf(info))
      return info
    })
  }

  async tag(id: string, tags: string | readonly string[], options: Cancellable = {}): Promise<SnapshotInfo> {
    return await this.#label('tag', id, tagged(takeTags(listOf(tags))), options)
  }

  async untag(id: string, tags: string | readonly string[], options: Cancellable = {}): Promise<SnapshotInfo> {
    return await this.#label('untag', id, untagged(takeTags(listOf(tags))), options)
  }

  async pin(id: string, options: Cancellable = {}): Promise<SnapshotInfo> {
    return await this.#label('pin', id, pinned, options)
  }

  async unpin(id: string, options: Cancellable = {}): Promise<SnapshotInfo> {
    return await this.#label('unpin', id, unpinned, options)
  }

  async verify(which?: string | VerifyOptions, options: VerifyOptions = {}): Promise<SnapshotReport> {
    this.#checkOpen('verify')
    const [id, how] = typeof which === 'object' && which !== null ? [undefined, which] : [which, options]
    return await this.#spans.run('verify', { about: id, signal: how.signal }, async (add) => {
      const { verify } = await loadPart('verifying', () => import('./verify.js'))
      const report = await verify(this.#past, id, how)
      add({ ok: report.ok, checked: report.checked, problems: report.problems.length })
      return report
    })
  }

  async delete(which: string | SessionRef, options: Cancellable = {}): Promise<void> {
    this.#checkOpen('delete')
    if (typeof which !== 'string') checkSession(which)
    await this.#place.context.writable('delete')
    const { signal } = options
    this.#tellGone(
      typeof which === 'string' ? await removeOne(this.#place, which, signal) : await removeSession(this.#place, which, signal),
    )
  }

  async prune(policy: PrunePolicy, options: PruneOptions = {}): Promise<PruneReport> {
    this.#checkOpen('prune')
    return await this.#spans.run('prune', { about: options, signal: options.signal }, async (add) => {
      if (!options.dryRun) await this.#place.context.writable('prune')
      const { prune } = await loadPart('pruning', () => import('./prune.js'))
      const report = await prune(this.#place, policy, options, (gone) => this.#tellGone(gone))
      add({ dryRun: report.dryRun, kept: report.kept.length, removed: report.removed.length })
      return report
    })
  }

  async collect(options: CollectOptions = {}): Promise<CollectReport> {
    this.#checkOpen('collect')
    return await this.#spans.run('collect', options, async (add) => {
      if (!options.dryRun) await this.#place.context.writable('collect')
      const { collectGarbage } = await loadPart('collecting', () => import('./collect.js'))
      const report = await collectGarbage(this.#past, options)
      add({ ...report })
      return report
    })
  }

  async repair(options: RepairOptions<Store | Backend> = {}): Promise<RepairReport> {
    this.#checkOpen('repair')
    return await this.#spans.run('repair', options, async (add) => {
      await this.#place.context.writable('repair')
      const { repair } = await loadPart('repairing', () => import('./repair.js'))
      const report = await repair(this.#past, options)
      add({ ok: report.ok, repaired: report.repaired.length, lost: report.lost.length })
      return report
    })
  }

  async copy(target: Store | Backend, options: CopyOptions = {}): Promise<CopyReport> {
    this.#checkOpen('copy')
    return await this.#spans.run('copy', options, async (add) => {
      const { encryption, dryRun } = options
      const place = await openPlace(target, encryption === undefined ? {} : { encryption })
      const report = dryRun ? await planned(this.#place, place, options) : await copied(this.#place, place, options)
      add({ ...report })
      return report
    })
  }

  export(options: SnapshotExportOptions = {}): ReadableStream<Uint8Array> {
    this.#checkOpen('export')
    return toStream(this.#spans.pieces('export', options.signal, exported(this.#place, options)))
  }

  async import(source: ArchiveSource, options: SnapshotImportOptions = {}): Promise<SnapshotImportReport> {
    this.#checkOpen('import')
    return await this.#spans.run('import', options, async (add) => {
      await this.#place.context.writable('import')
      const { importSnapshots } = await loadPart('archives', () => import('./archive.js'))
      const told = (info: SnapshotInfo): void => this.#watcher.changed([changeOf('saved', info, info)])
      const report = await importSnapshots(this.#place, source, options, told)
      add({ ...report })
      return report
    })
  }

  async auto(state: () => State | Promise<State>, options: AutoOptions): Promise<AutoSave> {
    this.#checkOpen('auto')
    await this.#place.context.writable('auto')
    const { AutoSaver } = await loadPart('saving by the clock', () => import('./auto.js'))
    this.#checkOpen('auto')
    const saver = new AutoSaver({
      place: this.#place,
      state,
      options,
      save: (request) => this.#save(request.details, () => request),
      onStop: (stopped) => this.#savers.delete(stopped),
    })
    this.#savers.add(saver)
    return saver
  }

  watch(listener: (change: SnapshotChange) => void): () => void {
    this.#checkOpen('watch')
    return this.#watcher.watch(listener)
  }

  async *subscribe(options: SubscribeOptions = {}): AsyncGenerator<SnapshotInfo> {
    this.#checkOpen('subscribe')
    const { subscribe } = await loadPart('subscriptions', () => import('./subscribe.js'))
    yield* subscribe(this.#place, this.#watcher, options, () => this.#closed)
  }

  async close(): Promise<void> {
    for (const saver of [...this.#savers]) await saver.stop()
    this.#closed = true
    this.#watcher.close()
    await this.#place.close?.()
    this.#forget()
  }

  [asyncDispose](): Promise<void> {
    return this.close()
  }

  /** What the store itself holds. */
  get #past(): SnapshotPlace {
    return this.#place.past ?? this.#place
  }

  /** Takes the request at once. */
  async #save(about: BranchRef & Cancellable, take: () => SaveRequest): Promise<SnapshotInfo> {
    return await this.#spans.run('save', { about, signal: about?.signal }, async (add) => {
      const request = take()
      const key = sessionKey(request.details, this.#place.context.backend.blobs.traits)
      request.signal?.throwIfAborted()
      await this.#place.context.writable('save')
      const info = this.#told(await this.#turns.run(key, () => publish(this.#place, request)))
      add(sizesOf(info))
      return info
    })
  }

  #told(manifest: Manifest): SnapshotInfo {
    this.#watcher.changed([changeOf('saved', manifest, manifest)])
    return infoOf(manifest)
  }

  #tellGone(gone: readonly Located[]): void {
    this.#watcher.changed(gone.map(({ state, summary }) => changeOf('deleted', state, summary)))
  }

  async #label(operation: string, id: string, change: Relabel, { signal }: Cancellable): Promise<SnapshotInfo> {
    this.#checkOpen(operation)
    await this.#place.context.writable(operation)
    return await label(this.#place, id, change, signal)
  }

  async #resolve(which: string | BranchRef, signal: AbortSignal | undefined): Promise<Source> {
    const { index } = this.#place
    if (typeof which === 'string') return await index.published(which, signal)
    const branch = checkBranch(which)
    const located = await index.head(which, branch, signal)
    if (located === undefined) throw missing({ agent: which.agent, session: which.session, branch })
    return { ...located, manifest: await index.manifestOf(located.summary, signal) }
  }

  #checkOpen(operation: string): void {
    const { context } = this.#place
    context.checkOpen(operation)
    if (this.#closed) throw new StorageError('closed', 'the snapshots are closed', { backend: context.backend.name, operation })
  }
}

const lazyPart = (): Promise<typeof import('./lazy.js')> => loadPart('reading in parts', () => import('./lazy.js'))

async function* exported(place: SnapshotPlace, options: SnapshotExportOptions): AsyncGenerator<Uint8Array> {
  const { exportSnapshots } = await loadPart('archives', () => import('./archive.js'))
  yield* exportSnapshots(place, options)
}

async function copied(source: SnapshotPlace, target: SnapshotPlace, options: CopyOptions): Promise<CopyReport> {
  const { copyTo } = await loadPart('copying', () => import('./copy.js'))
  await target.context.writable('copy')
  return await copyTo(source, target, options)
}

async function planned(source: SnapshotPlace, target: SnapshotPlace, options: CopyOptions): Promise<CopyReport> {
  const { planCopy } = await loadPart('copying', () => import('./plan-copy.js'))
  return await planCopy(source, target, options)
}

type Source = Located & { readonly manifest: Manifest }

function listOf(tags: string | readonly string[]): readonly string[] {
  return typeof tags === 'string' ? [tags] : tags
}
