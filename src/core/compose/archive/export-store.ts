// The sections of a whole store, in their order: what there is, queues, keys, snapshots.

import { StorageError } from '../../base/errors.js'
import { checkName } from '../../base/key.js'
import { sealArchive, secretOf } from '../../codec/archive/open.js'
import { type SectionToWrite, writeArchive } from '../../codec/archive/write.js'
import { contextOf } from '../../derived/resolve.js'
import type { Store, StoreContext } from '../../derived/store-context.js'
import { listQueues } from '../../engine/catalogue.js'
import { kvNamespaces } from '../../features/kv/namespaces.js'
import { SnapshotExport } from '../../features/snapshots/archive-export.js'
import { openPlace } from '../../features/snapshots/open-place.js'
import type { Backend } from '../../ports/backend.js'
import { type ArchiveContents, toJson } from './contents.js'
import { pick } from './pick.js'
import { exportKeys } from './keys-export.js'
import { QueueExport } from './queue-export.js'
import type { ArchiveProgress, ExportOptions } from './types.js'

export async function* exportStore(source: Store | Backend, options: ExportOptions): AsyncGenerator<Uint8Array> {
  const exporter = new StoreExport(source, options)
  yield* exporter.run()
}

class StoreExport {
  readonly #source: Store | Backend
  readonly #context: StoreContext
  readonly #options: ExportOptions
  #progress: ArchiveProgress = { bytes: 0, part: 'queue', name: '', records: 0, values: 0, snapshots: 0 }

  constructor(source: Store | Backend, options: ExportOptions) {
    this.#source = source
    this.#context = contextOf(source)
    this.#options = options
  }

  async *run(): AsyncGenerator<Uint8Array> {
    this.#options.signal?.throwIfAborted()
    const plain = writeArchive(this.#sections(), this.#context.clock.now())
    for await (const piece of sealArchive(plain, secretOf(this.#options, 'exportAll'))) {
      this.#report({ bytes: this.#progress.bytes + piece.length })
      yield piece
    }
  }

  async *#sections(): AsyncGenerator<SectionToWrite> {
    const { signal } = this.#options
    const queues = await this.#openQueues()
    try {
      for (const queue of queues) await queue.fixCut()
      const snapshots = await this.#snapshots()
      const namespaces = await this.#namespaces()
      const contents: ArchiveContents = { backend: this.#context.backend.name, queues: queues.map(({ queue }) => queue), namespaces }
      yield { type: 'contents', body: toJson(contents), counts: { namespaces: namespaces.length } }
      for (const queue of queues) yield* this.#told('queue', queue.queue.name, queue.sections(signal))
      for (const name of namespaces) yield* this.#told('keys', name, exportKeys(this.#context, name, signal))
      if (snapshots !== undefined) yield* this.#told('snapshots', '', snapshots.sections())
    } finally {
      await Promise.allSettled(queues.map((queue) => queue.close()))
    }
  }

  async #openQueues(): Promise<readonly QueueExport[]> {
    const { queues: asked, signal } = this.#options
    const opened: QueueExport[] = []
    try {
      for (const name of await this.#queueNames()) {
        signal?.throwIfAborted()
        const queue = await QueueExport.open(this.#context, name)
        if (queue !== undefined) opened.push(queue)
        else if (asked !== undefined) throw missing('queue', name)
      }
      return opened
    } catch (error) {
      await Promise.allSettled(opened.map((queue) => queue.close()))
      throw error
    }
  }

  async #queueNames(): Promise<readonly string[]> {
    const { queues } = this.#options
    if (queues === false) return []
    for (const name of queues ?? []) checkName('queue name', name)
    return queues ?? (await listQueues(this.#context.backend.blobs))
  }

  async #namespaces(): Promise<readonly string[]> {
    const { kv } = this.#options
    if (kv === false) return []
    for (const name of kv ?? []) checkName('namespace', name)
    return kv ?? (await kvNamespaces(this.#source))
  }

  /** undefined where none are wanted, or the backend cannot have any. */
  async #snapshots(): Promise<SnapshotExport | undefined> {
    const { snapshots = this.#context.backend.blobs.traits.conditionalPut, signal } = this.#options
    if (snapshots === false) return undefined
    const place = await openPlace(this.#source, pick(this.#options, 'compressions', 'encryption'))
    const exporting = new SnapshotExport(place, snapshots === true ? {} : snapshots, signal)
    await exporting.fixCut()
    return exporting
  }

  async *#told(part: ArchiveProgress['part'], name: string, sections: AsyncGenerator<SectionToWrite>): AsyncGenerator<SectionToWrite> {
    this.#report({ part, name })
    for await (const section of sections) {
      const { records = 0, values = 0, snapshots = 0 } = section.counts ?? {}
      const before = this.#progress
      const sums = { records: before.records + records, values: before.values + values, snapshots: before.snapshots + snapshots }
      this.#progress = { ...before, ...sums }
      yield section
    }
  }

  #report(changes: Partial<ArchiveProgress>): void {
    this.#progress = { ...this.#progress, ...changes }
    this.#options.onProgress?.(this.#progress)
  }
}

function missing(what: string, name: string): StorageError {
  return new StorageError('missing', `there is no such ${what}`, { operation: 'exportAll', facts: { [what]: name } })
}
