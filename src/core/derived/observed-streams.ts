// A backend's own streams, observed. Queues that are logs of ours are seen as the requests to blobs and files that they make.

import { utf8 } from '../base/bytes.js'
import type { BytesOrText, GroupPort, RecordStream, StreamBroker } from '../ports/stream-broker.js'
import type { Asked, Carried, RequestWatch } from './request-watch.js'

interface Sized {
  readonly key?: BytesOrText | undefined
  readonly value: BytesOrText | undefined
  readonly headers?: readonly (readonly [string, BytesOrText])[] | undefined
}

export function observedStreams(below: StreamBroker, watch: RequestWatch): StreamBroker {
  const { examine, repair } = below
  return {
    async open(stream, options) {
      return observedStream(await watch.run('streams.open', { keys: [stream] }, () => below.open(stream, options)), stream, watch)
    },
    delete: (stream) => watch.run('streams.delete', { keys: [stream] }, () => below.delete(stream)),
    ...(examine && {
      examine: (stream, progress) => watch.run('streams.examine', { keys: [stream] }, () => examine.call(below, stream, progress)),
    }),
    ...(repair && { repair: (stream) => watch.run('streams.repair', { keys: [stream] }, () => repair.call(below, stream)) }),
  }
}

function observedStream(below: RecordStream, name: string, watch: RequestWatch): RecordStream {
  const keys = [name]
  const asked = { keys }
  return {
    append(batch, options) {
      const writtenBytes = bytesOf(batch.records)
      return watch.run(
        'stream.append',
        { keys, signal: options?.signal },
        () => below.append(batch, options),
        () => ({ writtenBytes }),
      )
    },
    producer: (id) => watch.run('stream.producer', asked, () => below.producer(id)),
    read: (options) => watch.run('stream.read', waiting(keys, options), () => below.read(options), readBytes),
    bounds: (options) => watch.run('stream.bounds', { keys, signal: options?.signal }, () => below.bounds(options)),
    stats: () => watch.run('stream.stats', asked, () => below.stats()),
    flush: () => watch.run('stream.flush', asked, () => below.flush()),
    listen: (wake) => below.listen(wake),
    trim: (before) => watch.run('stream.trim', asked, () => below.trim(before)),
    compact: () => watch.run('stream.compact', asked, () => below.compact()),
    seal: () => watch.run('stream.seal', asked, () => below.seal()),
    async group(group, options) {
      const names = [name, group]
      return observedGroup(await watch.run('stream.group', { keys: names }, () => below.group(group, options)), names, watch)
    },
    groups: () => watch.run('stream.groups', asked, () => below.groups()),
    deleteGroup: (group) => watch.run('stream.deleteGroup', { keys: [name, group] }, () => below.deleteGroup(group)),
    close: () => below.close(),
  }
}

function observedGroup(below: GroupPort, keys: readonly string[], watch: RequestWatch): GroupPort {
  const { restore, listen } = below
  const asked = { keys }
  const delivered = (deliveries: readonly { readonly record: Sized }[]): Carried => readBytes(deliveries.map(({ record }) => record))
  return {
    receive: (consumer, options) => watch.run('group.receive', waiting(keys, options), () => below.receive(consumer, options), delivered),
    settle: (actions) => watch.run('group.settle', asked, () => below.settle(actions)),
    release: (deliveries) => watch.run('group.release', asked, () => below.release(deliveries)),
    claim: (consumer, options) => watch.run('group.claim', asked, () => below.claim(consumer, options), delivered),
    pending: (options) => watch.run('group.pending', asked, () => below.pending(options)),
    commit: (next) => watch.run('group.commit', asked, () => below.commit(next)),
    seek: (next) => watch.run('group.seek', asked, () => below.seek(next)),
    state: () => watch.run('group.state', asked, () => below.state()),
    ...(restore && { restore: (position) => watch.run('group.restore', asked, () => restore.call(below, position)) }),
    ...(listen && { listen: (wake) => listen.call(below, wake) }),
  }
}

function waiting(keys: readonly string[], { signal, waitMs = 0 }: { readonly signal?: AbortSignal; readonly waitMs?: number }): Asked {
  return { keys, signal, waits: waitMs > 0 }
}

function readBytes(records: readonly Sized[]): Carried {
  return records.length === 0 ? {} : { readBytes: bytesOf(records) }
}

/** Of keys, values and headers. */
function bytesOf(records: readonly Sized[]): number {
  let bytes = 0
  for (const { key, value, headers = [] } of records) {
    bytes += lengthOf(key) + lengthOf(value)
    for (const [name, header] of headers) bytes += lengthOf(name) + lengthOf(header)
  }
  return bytes
}

function lengthOf(part: BytesOrText | undefined): number {
  return typeof part === 'string' ? utf8(part).length : (part?.length ?? 0)
}
