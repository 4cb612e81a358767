// A queue: buckets of records with keys, headers and typed values, over any stream broker.

import { StorageError } from '../../base/errors.js'
import { checkName } from '../../base/key.js'
import { loadPart } from '../../base/load-part.js'
import { chooseCodec } from '../../codec/codecs.js'
import type { CompressionLevel } from '../../codec/compression.js'
import { contextOf } from '../../derived/resolve.js'
import type { Store, StoreContext } from '../../derived/store-context.js'
import { streamsOf } from '../../derived/streams-over-journals.js'
import { createQueue, disciplineOf, findQueue, type FoundEntry } from '../../engine/catalogue.js'
import type { Backend } from '../../ports/backend.js'
import type { RecordStream, StreamOptions } from '../../ports/stream-broker.js'
import { checkDedupe, checkRetention } from './checks.js'
import { QueueHandle } from './queue-handle.js'
import type { QueuePlace } from './raw-queue.js'
import type { SchemaGate } from './schema-gate.js'
import type { Queue, QueueOptions } from './types.js'

const MAX_BUCKETS = 1024

/**
 * Opens the queue `name`, creating it unless `create: false`. Several handles, tabs and Workers may have it open at once;
 * on files one process writes. With a `schema` the types are its own: `Output` is read, `Input` appended.
 *
 * Errors: `invalid` (name, options, what is no schema, another bucket count or format than stored), `missing` (`create: false`),
 * `unsupported` (the backend cannot keep order, and what can), `denied` (read mode, or another owner), `corrupt` (the log
 * is damaged).
 */
export async function openQueue<Output = unknown, Input = Output>(
  source: Store | Backend,
  name: string,
  options: QueueOptions<Output, Input> = {},
): Promise<Queue<Output, Input>> {
  checkName('queue name', name)
  const context = contextOf(source)
  context.checkOpen('openQueue')
  const broker = streamsOf(context)
  const codec = await chooseCodec(options.codec)
  const schema = options.schema === undefined ? undefined : await loadSchema(options.schema)
  const compression = options.compression === undefined ? undefined : await loadCompression(options.compression)
  if (options.format !== undefined) (await loadFormatChecks()).checkFormat(context.backend, options.format)
  const found = await findOrCreate(context, name, options)
  const { entry } = found
  if (options.buckets !== undefined && options.buckets !== entry.buckets) {
    throw new StorageError('invalid', 'the number of buckets is fixed when a queue is created', {
      operation: 'openQueue',
      facts: { queue: name, stored: entry.buckets, asked: options.buckets },
    })
  }
  if (options.format !== undefined || entry.frames !== undefined) (await loadFormatChecks()).checkStoredFormat(found, name, options)
  const streamOptions = streamOptionsOf(options, found, compression)
  const streams: RecordStream[] = []
  for (let bucket = 0; bucket < entry.buckets; bucket++) streams.push(await broker.open(`${entry.incarnation}/${bucket}`, streamOptions))
  const place: QueuePlace = {
    name,
    incarnation: entry.incarnation,
    format: entry.frames,
    openBeside: (other, given) => openQueue(source, other, given),
  }
  return new QueueHandle<Output, Input>({ place, context, streams, codec, schema, options })
}

async function loadSchema<Output, Input>(option: NonNullable<QueueOptions<Output, Input>['schema']>): Promise<SchemaGate<Output>> {
  const { SchemaGate } = await loadPart('the check by a schema', () => import('./schema-gate.js'))
  return new SchemaGate<Output>(option)
}

function loadFormatChecks(): Promise<typeof import('./stored-format.js')> {
  return loadPart('the formats', () => import('./stored-format.js'))
}

async function loadCompression(option: unknown): Promise<CompressionLevel> {
  const { checkCompression } = await loadPart('compression', () => import('../../codec/compression.js'))
  return checkCompression(option)
}

type EntryOptions = Pick<QueueOptions<unknown>, 'buckets' | 'create' | 'format'>

async function findOrCreate(context: StoreContext, name: string, options: EntryOptions): Promise<FoundEntry> {
  const { backend, clock, mode } = context
  const buckets = options.buckets ?? 1
  if (!Number.isInteger(buckets) || buckets < 1 || buckets > MAX_BUCKETS) {
    throw new StorageError('invalid', `buckets is a whole number from 1 to ${MAX_BUCKETS}`, { operation: 'openQueue', facts: { buckets } })
  }
  if (mode === 'write') await context.writable('openQueue')
  const found = await findQueue(backend.blobs, name)
  if (found !== undefined) return found
  if (options.create === false || mode === 'read') {
    throw new StorageError('missing', 'there is no such queue', { operation: 'openQueue', backend: backend.name, facts: { queue: name } })
  }
  const frames = options.format === 'ndjson' ? { frames: options.format } : {}
  return createQueue(backend.blobs, name, { buckets, discipline: disciplineOf(backend), createdAt: clock.now(), ...frames })
}

type LogOptions = Pick<
  QueueOptions<unknown>,
  'sync' | 'durability' | 'segmentBytes' | 'retention' | 'compaction' | 'tombstoneMs' | 'dedupe'
>

function streamOptionsOf(options: LogOptions, found: FoundEntry, compression: CompressionLevel | undefined): StreamOptions {
  const { sync, durability, segmentBytes, retention, compaction, tombstoneMs, dedupe } = options
  checkRetention(options)
  if (dedupe !== undefined) checkDedupe(dedupe)
  return {
    guard: { key: found.key, version: found.version },
    ...(found.entry.frames === undefined ? {} : { format: found.entry.frames }),
    ...(sync === undefined ? {} : { sync }),
    ...(durability === undefined ? {} : { durability }),
    ...(segmentBytes === undefined ? {} : { segmentBytes }),
    ...(retention === undefined ? {} : { retention }),
    ...(compaction === undefined ? {} : { compaction }),
    ...(tombstoneMs === undefined ? {} : { tombstoneMs }),
    ...(compression === undefined ? {} : { compression: compression.name }),
    ...(compression?.level === undefined ? {} : { compressionLevel: compression.level }),
    ...(dedupe === undefined ? {} : { dedupe }),
  }
}
