// Queues as native Redis streams: one a bucket.

import { StorageError } from '../../core/base/errors.js'
import type { RecordStream, StreamBroker, StreamExamination, StreamOptions } from '../../core/ports/stream-broker.js'
import type { RedisBlobs } from './blobs.js'
import type { Connection } from './connection.js'
import { checkEncoding } from './encoding.js'
import { NAME } from './errors.js'
import { examineStream, repairStream } from './examine.js'
import { GroupPace } from './group-pace.js'
import type { Keys } from './keys.js'
import type { RedisSignals } from './signals.js'
import { RedisStream } from './stream.js'
import type { StreamCore } from './stream-core.js'
import { streamKeys } from './stream-keys.js'
import { DELETE_STREAM } from './stream-scripts.js'
import { Writer } from './writer.js'

export interface RedisStreamsOptions {
  readonly connection: Connection
  readonly keys: Keys
  readonly blobs: RedisBlobs
  readonly signals: RedisSignals
  readonly checkOpen: (operation: string) => void
  readonly onStored: () => void
}

export class RedisStreams implements StreamBroker {
  readonly #options: RedisStreamsOptions
  readonly #cores = new Map<string, { readonly core: StreamCore; handles: number }>()

  constructor(options: RedisStreamsOptions) {
    this.#options = options
  }

  async open(stream: string, options: StreamOptions = {}): Promise<RecordStream> {
    this.#options.checkOpen('openQueue')
    if (options.format === 'ndjson') {
      throw new StorageError('unsupported', 'a log of text needs files', {
        backend: NAME,
        operation: 'openQueue',
        facts: { format: options.format },
      })
    }
    checkEncoding(options.compression)
    const open = this.#cores.get(stream) ?? { core: this.#core(stream), handles: 0 }
    this.#cores.set(stream, open)
    open.handles++
    return new RedisStream(open.core, options, () => {
      if (--open.handles === 0) this.#cores.delete(stream)
    })
  }

  async delete(stream: string): Promise<void> {
    const { connection, blobs, keys } = this.#options
    this.#options.checkOpen('deleteQueue')
    const names = streamKeys(keys, stream)
    const all = [names.stream, names.meta, names.marks, names.ids, names.idOrder, names.producers, names.producerOrder, names.quarantine]
    await connection.run(DELETE_STREAM, all, [names.deadlinePrefix, names.groupPrefix, names.runPrefix], 'deleteQueue', stream)
    const beside: string[] = []
    for await (const { key } of blobs.list({ prefix: `${stream}/` })) beside.push(key)
    if (beside.length > 0) await blobs.delete(beside)
  }

  examine(stream: string, progress?: (bytes: number) => void): Promise<StreamExamination> {
    return examineStream(this.#place(stream, 'scan'), progress)
  }

  repair(stream: string): Promise<void> {
    return repairStream(this.#place(stream, 'recover'))
  }

  #place(stream: string, operation: string): Pick<StreamCore, 'connection' | 'keys'> {
    const { connection, keys, checkOpen } = this.#options
    checkOpen(operation)
    return { connection, keys: streamKeys(keys, stream) }
  }

  #core(name: string): StreamCore {
    const { connection, keys, blobs, signals, checkOpen, onStored } = this.#options
    const names = streamKeys(keys, name)
    const channel = keys.channel(name)
    const writer = new Writer({ connection, keys: names, channel })
    const paces = new Map<string, GroupPace>()
    const paceOf = (group: string): GroupPace => {
      const pace = paces.get(group) ?? new GroupPace()
      paces.set(group, pace)
      return pace
    }
    return { name, keys: names, channel, connection, blobs, signals, writer, checkOpen, onStored, blobKey: (key) => keys.blob(key), paceOf }
  }
}
