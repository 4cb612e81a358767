// Record streams for backends that have none: a journal a stream, on files where there are any (one owner), on chunks
// elsewhere (everybody writes). One writer a stream in a process, shared by all its handles.

import { StorageError } from '../base/errors.js'
import { loadPart } from '../base/load-part.js'
import { historyKey, Journal } from '../engine/journal.js'
import type { CompactionResult, GroupPort, GroupPortOptions, RecordStream, StreamBroker, StreamOptions } from '../ports/stream-broker.js'
import type { OpenGroupStore, StreamGroups } from './groups.js'
import { loadLogs, type OpenLog } from './load-logs.js'
import { nativeStreams } from './native-streams.js'
import type { StoreContext } from './store-context.js'

const brokers = new WeakMap<StoreContext, StreamBroker>()

/** The backend's own broker, or one over journals; `unsupported` where records cannot be kept in order. */
export function streamsOf(context: StoreContext): StreamBroker {
  let broker = brokers.get(context)
  if (broker === undefined) {
    const { streams } = context.backend
    broker = streams === undefined ? new JournalBroker(context) : nativeStreams(streams, context)
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
  readonly groups: LazyGroups
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
      open = this.#begin(stream, openLog, options)
      this.#open.set(stream, open)
    }
    open.handles++
    return new JournalStream(this.#context, open, () => this.#release(stream))
  }

  async delete(stream: string): Promise<void> {
    await this.#context.writable('deleteQueue')
    const { blobs, files } = this.#context.backend
    const open = this.#open.get(stream)
    this.#open.delete(stream)
    if (open !== undefined) await closeStream(open)
    for await (const { path } of files?.list(`${stream}/`) ?? []) await files?.delete(path)
    const keys: string[] = []
    for await (const { key } of blobs.list({ prefix: `${stream}/` })) keys.push(key)
    if (keys.length > 0) await blobs.delete(keys)
  }

  #begin(stream: string, openLog: OpenLog, options: StreamOptions): OpenStream {
    const context = this.#context
    const { clock, backend, mode } = context
    const { sync = 'always', retention, compaction, tombstoneMs, compression, compressionLevel, dedupe } = options
    const groups: LazyGroups = new LazyGroups(context, stream, () => journal)
    const journal: Journal = new Journal({
      log: openLog(stream, options),
      clock,
      sync,
      retention,
      compaction,
      tombstoneMs,
      compression,
      compressionLevel,
      dedupe,
      history: { blobs: backend.blobs, key: historyKey(stream) },
      topic: stream,
      signals: backend.signals,
      checkFence: () => context.checkFence(),
      committedOf: async (group) => (await groups.load()).committed(group),
      background: mode === 'write' && backend.requestScoped !== true,
    })
    return { journal, groups, handles: 0 }
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
    await closeStream(open)
  }

  async #closeAll(): Promise<void> {
    const open = [...this.#open.values()]
    this.#open.clear()
    const results = await Promise.allSettled(open.map(closeStream))
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }
}

/** What is beneath a stream of this broker; undefined for one that the backend brings itself. */
export function journalOf(stream: RecordStream): Journal | undefined {
  return stream instanceof JournalStream ? stream.journal : undefined
}

class JournalStream implements RecordStream {
  readonly #context: StoreContext
  readonly journal: Journal
  readonly #groups: LazyGroups
  readonly #release: () => Promise<void>
  #closed: Promise<void> | undefined

  constructor(context: StoreContext, { journal, groups }: OpenStream, release: () => Promise<void>) {
    this.#context = context
    this.journal = journal
    this.#groups = groups
    this.#release = release
  }

  append: RecordStream['append'] = (batch, options) => this.journal.append(batch, options)
  producer: RecordStream['producer'] = (id) => this.journal.producer(id)
  read: RecordStream['read'] = (options) => this.journal.read(options)
  bounds: RecordStream['bounds'] = () => this.journal.bounds()
  stats: RecordStream['stats'] = () => this.journal.stats()
  flush: RecordStream['flush'] = () => this.journal.flush()
  listen: RecordStream['listen'] = (wake) => this.journal.listen(wake)

  async trim(before: number): Promise<void> {
    await this.#context.writable('trim')
    await this.journal.trim(before)
  }

  async compact(): Promise<CompactionResult> {
    await this.#context.writable('compact')
    return this.journal.compact()
  }

  async seal(): Promise<void> {
    await this.#context.writable('seal')
    await this.journal.seal()
  }

  async group(name: string, options: GroupPortOptions = {}): Promise<GroupPort> {
    return (await this.#groups.load()).open(name, options)
  }

  async groups(): Promise<readonly string[]> {
    return (await this.#groups.load()).names()
  }

  async deleteGroup(name: string): Promise<void> {
    await this.#context.writable('deleteGroup')
    await (await this.#groups.load()).delete(name)
  }

  close(): Promise<void> {
    this.#closed ??= this.#release()
    return this.#closed
  }
}

/** A program that only appends never has any. */
class LazyGroups {
  readonly #context: StoreContext
  readonly #path: string
  readonly #journal: () => Journal
  #groups: Promise<StreamGroups> | undefined

  constructor(context: StoreContext, path: string, journal: () => Journal) {
    this.#context = context
    this.#path = path
    this.#journal = journal
  }

  load(): Promise<StreamGroups> {
    this.#groups ??= this.#load().catch((error) => {
      this.#groups = undefined
      throw error
    })
    return this.#groups
  }

  async close(): Promise<void> {
    await (await this.#groups)?.close()
  }

  async #load(): Promise<StreamGroups> {
    const { StreamGroups } = await loadPart('groups', () => import('./groups.js'))
    const { backend, clock, mode } = this.#context
    const beforeWrite = (): undefined | Promise<void> => this.#context.writable('group')
    const options = { blobs: backend.blobs, clock, path: this.#path, writable: mode === 'write', beforeWrite }
    return new StreamGroups(this.#journal(), { ...options, openStore: await this.#logs() })
  }

  /** Where there are files with one owner, groups are logs. */
  async #logs(): Promise<OpenGroupStore | undefined> {
    const { files } = this.#context.backend
    if (files === undefined) return undefined
    const { groupLogs } = await loadPart('logs of groups', () => import('./group-logs.js'))
    return groupLogs(this.#context, files, this.#path)
  }
}

/** What the groups store comes before the log is closed. */
async function closeStream({ journal, groups }: OpenStream): Promise<void> {
  try {
    await groups.close()
  } finally {
    await journal.close()
  }
}
