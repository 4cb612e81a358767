import { secretOf } from '../../codec/archive/open.js'
import { ArchiveReader, type ReadSection } from '../../codec/archive/read.js'
import type { ArchiveSource } from '../../codec/archive/byte-source.js'
import { decodeRecords } from '../../codec/archive/records.js'
import { decodeValues } from '../../codec/archive/values.js'
import { StorageError } from '../../base/errors.js'
import { decodeChunks, decodeSnapshot } from '../../features/snapshots/archive-format.js'
import type { SessionRef } from '../../features/snapshots/types.js'
import { readBucketEnd, readContents, readGroup, readMarks, readQueue } from './contents.js'
import type { ArchiveBucket, ArchiveReport, CheckArchiveOptions } from './types.js'

interface QueueInCheck {
  readonly queue: string
  readonly buckets: ArchiveBucket[]
  readonly groups: Set<string>
  records: number
}

export class ArchiveCheck {
  readonly #options: CheckArchiveOptions
  readonly #queues: QueueInCheck[] = []
  readonly #namespaces = new Map<string, number>()
  readonly #sessions = new Map<string, ArchiveReport['sessions'][number]>()
  /** Of the snapshot that was met last. */
  #last: SessionRef | undefined
  #backend = ''

  constructor(options: CheckArchiveOptions) {
    this.#options = options
  }

  async run(source: ArchiveSource): Promise<ArchiveReport> {
    const { signal, onProgress } = this.#options
    const reader = new ArchiveReader(source, secretOf(this.#options, 'checkArchive'))
    for await (const section of reader.sections(signal)) {
      this.#look(section)
      onProgress?.({ bytes: reader.position })
    }
    return {
      createdAt: reader.header.createdAt,
      encrypted: reader.isEncrypted,
      bytes: reader.position,
      backend: this.#backend,
      queues: this.#queues.map(({ groups, ...queue }) => ({ ...queue, groups: [...groups] })),
      namespaces: [...this.#namespaces].map(([namespace, values]) => ({ namespace, values })),
      sessions: [...this.#sessions.values()],
    }
  }

  #look(section: ReadSection): void {
    const { type, body } = section
    switch (type) {
      case 'contents':
        this.#backend = readContents(body).backend
        return
      case 'queue':
        this.#queues.push({ queue: readQueue(body).name, buckets: [], groups: new Set(), records: 0 })
        return
      case 'records':
        this.#queue(section).records += decodeRecords(body).records.length
        return
      case 'bucketEnd': {
        const { bucket, first, next, gaps, sealed } = readBucketEnd(body)
        this.#queue(section).buckets.push({ bucket, first, next, gaps, ...(sealed === undefined ? {} : { sealed }) })
        return
      }
      case 'group':
        this.#queue(section).groups.add(readGroup(body).name)
        return
      case 'marks':
        readMarks(body)
        return
      case 'values': {
        const { namespace, values } = decodeValues(body)
        this.#namespaces.set(namespace, (this.#namespaces.get(namespace) ?? 0) + values.length)
        return
      }
      case 'snapshot':
        this.#snapshot(decodeSnapshot(body).info, 1)
        return
      case 'snapshotGone':
        if (this.#last !== undefined) this.#snapshot(this.#last, -1)
        return
      case 'chunks':
        for (const _ of decodeChunks(body));
        return
      default:
        return
    }
  }

  #snapshot(info: SessionRef, count: number): void {
    const { agent, session } = info
    const key = JSON.stringify([agent, session])
    const { snapshots } = this.#sessions.get(key) ?? { snapshots: 0 }
    this.#sessions.set(key, { agent, session, snapshots: snapshots + count })
    this.#last = info
  }

  #queue({ number, position }: ReadSection): QueueInCheck {
    const queue = this.#queues.at(-1)
    if (queue !== undefined) return queue
    throw new StorageError('corrupt', 'the archive holds records of no queue', { facts: { section: number, position } })
  }
}
