// Record streams for backends that have none: a journal a stream, on files where there are any (one owner), on chunks
// elsewhere (everybody writes). One writer a stream in a process, shared by all its handles.

import { unescapeName, keyComponent } from '../base/key.js'
import { StorageError } from '../base/errors.js'
import { loadPart } from '../base/load-part.js'
import { historyKey, Journal } from '../engine/journal.js'
import type { CompactionResult, GroupPort, GroupPortOptions, RecordStream, StreamBroker, StreamOptions } from '../ports/stream-broker.js'
import { loadLogs, type OpenLog } from './load-logs.js'
import type { StoreContext } from './store-context.js'

const brokers = new WeakMap<StoreContext, StreamBroker>()

/** The backend's own broker, or one over journals; `unsupported` where records cannot be kept in order. */
export function streamsOf(context: StoreContext): StreamBroker {
  let broker = brokers.get(context)
  if (broker === undefined) {
    broker = context.backend.streams ?? new JournalBroker(context)
    brokers.set(context, broker)
  }
  return broker
}

/** Names of the streams that are open here. */
export function openStreams(context: StoreContext): readonly string[] {
  const broker = brokers.get(context)
  return broker instanceof JournalBroker ? broker.names : []
}

interface OpenStream {
  readonly journal: Journal
  handles: number
}

class JournalBroker implements StreamBroker {
  readonly #context: StoreContext
  readonly #open = new Map<string, OpenStream>()

  constructor(context: StoreContext) {
    const { backend } = context
    if (backend.files === undefined && !backend.blobs.traits.conditionalPut) {
      throw new StorageError(
        'unsupported',
        `${backend.name} cannot keep a queue: it has no conditional put; use Cloudflare R2 or Durable Objects, IndexedDB, files or memory`,
        { backend: backend.name, operation: 'openQueue', facts: { feature: 'queue', missing: 'conditionalPut' } },
      )
    }
    this.#context = context
    context.onClose({ close: () => this.#closeAll() })
  }

  get names(): readonly string[] {
    return [...this.#open.keys()]
  }

  async open(stream: string, options: StreamOptions = {}): Promise<RecordStream> {
    this.#checkSync(options)
    const openLog = await loadLogs(this.#context, options.format)
    this.#context.checkOpen('openQueue')
    // No wait from here on: two who open one stream at once share its writer.
    let open = this.#open.get(stream)
    if (open === undefined) {
      open = { journal: this.#journal(stream, openLog, options), handles: 0 }
      this.#open.set(stream, open)
    }
    open.handles++
    return new JournalStream(this.#context, stream, open.journal, () => this.#release(stream))
  }

  async delete(stream: string): Promise<void> {
    await this.#context.writable('deleteQueue')
    const { blobs, files } = this.#context.backend
    const open = this.#open.get(stream)
    this.#open.delete(stream)
    await open?.journal.close()
    for await (const { path } of files?.list(`${stream}/`) ?? []) await files?.delete(path)
    const keys: string[] = []
    for await (const { key } of blobs.list({ prefix: `${stream}/` })) keys.push(key)
    if (keys.length > 0) await blobs.delete(keys)
  }

  #journal(stream: string, openLog: OpenLog, options: StreamOptions): Journal {
    const context = this.#context
    const { clock, backend, mode } = context
    const { sync = 'always', retention, compaction, tombstoneMs, compression, dedupe } = options
    return new Journal({
      log: openLog(stream, options),
      clock,
      sync,
      retention,
      compaction,
      tombstoneMs,
      compression,
      dedupe,
      history: { blobs: backend.blobs, key: historyKey(stream) },
      topic: stream,
      signals: backend.signals,
      checkFence: () => context.checkFence(),
      committedOf: (group) => this.#committedOf(stream, group),
      background: mode === 'write' && backend.requestScoped !== true,
    })
  }

  /** As it is stored now: another tab or Worker may have moved it. */
  async #committedOf(stream: string, group: string): Promise<number> {
    const { committedIn } = await loadGroups()
    return await committedIn(this.#context, groupKey(stream, group))
  }

  #checkSync({ sync }: StreamOptions): void {
    const { backend } = this.#context
    if (backend.requestScoped !== true || sync === undefined || typeof sync === 'string' || sync.everyMs === undefined) return
    throw new StorageError('unsupported', 'no timer outlives a request here; use sync: "always"', {
      backend: backend.name,
      operation: 'openQueue',
      facts: { feature: 'sync.everyMs' },
    })
  }

  async #release(stream: string): Promise<void> {
    const open = this.#open.get(stream)
    if (open === undefined || --open.handles > 0) return
    this.#open.delete(stream)
    await open.journal.close()
  }

  async #closeAll(): Promise<void> {
    const journals = [...this.#open.values()].map(({ journal }) => journal)
    this.#open.clear()
    const results = await Promise.allSettled(journals.map((journal) => journal.close()))
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }
}

class JournalStream implements RecordStream {
  readonly #context: StoreContext
  readonly #name: string
  readonly #journal: Journal
  readonly #release: () => Promise<void>
  #closed: Promise<void> | undefined

  constructor(context: StoreContext, name: string, journal: Journal, release: () => Promise<void>) {
    this.#context = context
    this.#name = name
    this.#journal = journal
    this.#release = release
  }

  append: RecordStream['append'] = (batch, options) => this.#journal.append(batch, options)
  producer: RecordStream['producer'] = (id) => this.#journal.producer(id)
  read: RecordStream['read'] = (options) => this.#journal.read(options)
  bounds: RecordStream['bounds'] = () => this.#journal.bounds()
  stats: RecordStream['stats'] = () => this.#journal.stats()
  flush: RecordStream['flush'] = () => this.#journal.flush()
  listen: RecordStream['listen'] = (wake) => this.#journal.listen(wake)

  async trim(before: number): Promise<void> {
    await this.#context.writable('trim')
    await this.#journal.trim(before)
  }

  async compact(): Promise<CompactionResult> {
    await this.#context.writable('compact')
    return this.#journal.compact()
  }

  async seal(): Promise<void> {
    await this.#context.writable('seal')
    await this.#journal.seal()
  }

  async group(name: string, options: GroupPortOptions = {}): Promise<GroupPort> {
    const { openGroup } = await loadGroups()
    return await openGroup(this.#context, { ...options, journal: this.#journal, key: groupKey(this.#name, name) })
  }

  async groups(): Promise<readonly string[]> {
    const prefix = groupKey(this.#name, '')
    const names: string[] = []
    for await (const { key } of this.#context.backend.blobs.list({ prefix })) names.push(unescapeName(key.slice(prefix.length)))
    return names
  }

  async deleteGroup(name: string): Promise<void> {
    await this.#context.writable('deleteGroup')
    await this.#context.backend.blobs.delete([groupKey(this.#name, name)])
  }

  close(): Promise<void> {
    this.#closed ??= this.#release()
    return this.#closed
  }
}

function groupKey(stream: string, group: string): string {
  return `${stream}/group/${keyComponent('g', group)}`
}

/** A program that only appends never has any. */
function loadGroups(): Promise<typeof import('./groups.js')> {
  return loadPart('groups', () => import('./groups.js'))
}
