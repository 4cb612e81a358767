// The sections of an archive, each to whom it belongs.

import { StorageError } from '../../base/errors.js'
import type { ArchiveSource } from '../../codec/archive/byte-source.js'
import { secretOf } from '../../codec/archive/open.js'
import { ArchiveReader, type ReadSection } from '../../codec/archive/read.js'
import { decodeRecords } from '../../codec/archive/records.js'
import { pick } from './pick.js'
import { contextOf } from '../../derived/resolve.js'
import type { Store, StoreContext } from '../../derived/store-context.js'
import { nextChunks } from '../../features/snapshots/archive.js'
import { type NextChunks, SnapshotImport } from '../../features/snapshots/archive-import.js'
import { openPlace } from '../../features/snapshots/open-place.js'
import type { Backend } from '../../ports/backend.js'
import { readBucketEnd, readContents, readGroup, readMarks, readQueue } from './contents.js'
import { KeysImport } from './keys-import.js'
import { QueueImport } from './queue-import.js'
import { type DeleteQueue, QueueTargets } from './queue-targets.js'
import type { ArchiveProgress, ImportedQueue, ImportOptions, ImportReport } from './types.js'

const ON_EXISTING = ['refuse', 'skip', 'replace']

export class StoreImport {
  readonly #target: Store | Backend
  readonly #context: StoreContext
  readonly #options: ImportOptions
  readonly #targets: QueueTargets
  readonly #keys: KeysImport
  readonly #queues: ImportedQueue[] = []
  #queue: QueueImport | undefined
  #snapshots: SnapshotImport | undefined
  #records = 0

  constructor(target: Store | Backend, options: ImportOptions, deleteQueue: DeleteQueue) {
    const { onExisting = 'refuse' } = options
    if (!ON_EXISTING.includes(onExisting)) {
      throw new StorageError('invalid', `onExisting is one of ${ON_EXISTING.join(', ')}`, { operation: 'importAll', facts: { onExisting } })
    }
    this.#target = target
    this.#context = contextOf(target)
    this.#options = options
    this.#targets = new QueueTargets(target, onExisting, deleteQueue)
    this.#keys = new KeysImport(this.#context, onExisting)
  }

  async run(source: ArchiveSource): Promise<ImportReport> {
    const { signal } = this.#options
    signal?.throwIfAborted()
    await this.#context.writable('importAll')
    const reader = new ArchiveReader(source, secretOf(this.#options, 'importAll'))
    const sections = reader.sections(signal)
    const next = nextChunks(sections)
    try {
      for (;;) {
        const { done, value } = await sections.next()
        if (done) break
        await this.#take(value, next)
        this.#report(value, reader.position)
      }
      await this.#endQueue()
      this.#keys.end()
    } finally {
      await sections.return(undefined)
      await this.#queue?.close()
    }
    return {
      createdAt: reader.header.createdAt,
      bytes: reader.position,
      encrypted: reader.isEncrypted,
      queues: this.#queues,
      namespaces: this.#keys.namespaces,
      snapshots: this.#snapshots?.report ?? { imported: 0, skipped: 0, storedBytes: 0 },
    }
  }

  async #take({ type, body, number }: ReadSection, next: NextChunks): Promise<void> {
    switch (type) {
      case 'contents':
        return await this.#targets.check(readContents(body).queues)
      case 'queue':
        await this.#endQueue()
        this.#queue = await QueueImport.open(this.#targets, readQueue(body))
        return
      case 'records':
        return await this.#current(number).records(decodeRecords(body))
      case 'bucketEnd':
        return await this.#current(number).endBucket(readBucketEnd(body))
      case 'group':
        return await this.#current(number).group(readGroup(body))
      case 'marks':
        return await this.#current(number).marks(readMarks(body))
      case 'valuePart':
        return this.#keys.part(body)
      case 'values':
        return await this.#keys.values(body)
      case 'snapshot':
        this.#snapshots ??= await this.#openSnapshots()
        return await this.#snapshots.take(body, next)
      default:
        return
    }
  }

  async #openSnapshots(): Promise<SnapshotImport> {
    const { signal } = this.#options
    return new SnapshotImport(
      await openPlace(this.#target, pick(this.#options, 'compression', 'compressions', 'encryption', 'passphraseHash')),
      signal,
      () => {},
    )
  }

  #current(section: number): QueueImport {
    if (this.#queue !== undefined) return this.#queue
    throw new StorageError('corrupt', 'the archive holds records of no queue', { facts: { section } })
  }

  async #endQueue(): Promise<void> {
    const queue = this.#queue
    if (queue === undefined) return
    this.#queue = undefined
    await queue.close()
    this.#records += queue.state.records
    this.#queues.push(queue.state)
  }

  #report({ type }: ReadSection, bytes: number): void {
    const { onProgress } = this.#options
    if (onProgress === undefined) return
    const part = partOf(type)
    const records = this.#records + (this.#queue?.state.records ?? 0)
    const values = this.#keys.namespaces.reduce((sum, one) => sum + one.values, 0)
    const { imported: snapshots } = this.#snapshots?.report ?? { imported: 0 }
    const names = { keys: this.#keys.namespaces.at(-1)?.namespace, queue: this.#queue?.state.queue, snapshots: undefined }
    onProgress({ bytes, part, name: names[part] ?? '', records, values, snapshots })
  }
}

function partOf(type: ReadSection['type']): ArchiveProgress['part'] {
  if (type === 'values' || type === 'valuePart') return 'keys'
  return type === 'snapshot' ? 'snapshots' : 'queue'
}
