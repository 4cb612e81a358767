// Every decoder that reads what lies on the medium, with valid inputs to begin from.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeZstd } from '../../dist/compression/zstd/decode.js'
import { utf8 } from '../../dist/core/base/bytes.js'
import { ArchiveReader } from '../../dist/core/codec/archive/read.js'
import { decodeRecords, encodeRecords } from '../../dist/core/codec/archive/records.js'
import { decodeValues, encodeValues } from '../../dist/core/codec/archive/values.js'
import { writeArchive } from '../../dist/core/codec/archive/write.js'
import { readBucketEnd, readContents, readGroup, readMarks, readQueue } from '../../dist/core/compose/archive/contents.js'
import { unescapeName } from '../../dist/core/base/key.js'
import { chooseCodec } from '../../dist/core/codec/codecs.js'
import { type Compression, compressBytes, decompressBytes } from '../../dist/core/codec/compression.js'
import { type EnvelopeKind, openEnvelope, sealEnvelope } from '../../dist/core/codec/envelope.js'
import { frameBody, readFrameHeader } from '../../dist/core/codec/frame.js'
import { jsonCodec } from '../../dist/core/codec/json.js'
import { ndjsonCodec } from '../../dist/core/codec/ndjson.js'
import { readRecords } from '../../dist/core/codec/records.js'
import { structuredCodec } from '../../dist/core/codec/structured.js'
import { textCodec } from '../../dist/core/codec/text.js'
import { encodeAppends, guessBatchBytes } from '../../dist/core/engine/append-batch.js'
import { findQueue } from '../../dist/core/engine/catalogue.js'
import { Cell } from '../../dist/core/engine/cell.js'
import { decodeChunk, encodeChunk } from '../../dist/core/engine/chunk.js'
import { decodeControlState, decodeSegmentHeader, encodeControlFrame, encodeSegmentHeader } from '../../dist/core/engine/segment.js'
import { decodeFooter, encodeFooter, SegmentIndex } from '../../dist/core/engine/segment-index.js'
import { AppendTable } from '../../dist/core/engine/append-table.js'
import { decodeChunks, decodeSnapshot, encodeChunks } from '../../dist/core/features/snapshots/archive-format.js'
import { decodeStored, openValue, peekExpiry } from '../../dist/core/features/kv/stored-value.js'
import { decodeManifest } from '../../dist/core/features/snapshots/manifest.js'
import { isIntact, readHeader } from '../../dist/adapters/opfs/blob-format.js'
import { ManualClock } from 'varve/testing'
import { repairArchive, repairChunk, repairEnvelope, repairFooter, repairFrame, repairSegmentHeader } from './repair.js'

export interface FuzzTarget {
  readonly name: string
  readonly valid: readonly Uint8Array[]
  /** Makes the checksums right, in place. */
  readonly repair?: (bytes: Uint8Array) => void
  /** May throw a StorageError and nothing else. */
  readonly decode: (bytes: Uint8Array) => unknown
}

const SALT = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
const WRITE_ID = new Uint8Array(16).fill(9)
const KEY = 'k'
const codec = await chooseCodec()

const VALUES: readonly unknown[] = [null, 17.5, 'text \u{1F30D}', [1, [2, [3]]], { a: { b: [true, false] }, __proto: 'x' }, 'z'.repeat(300)]
const STRUCTURED: readonly unknown[] = [
  ...VALUES,
  new Map<unknown, unknown>([
    ['a', new Set([1, 2n, -3n])],
    [new Date(0), /a+/giu],
  ]),
  [undefined, Number.NaN, -0, new Uint16Array([1, 2, 3]), new TypeError('no', { cause: 'x' })],
  Object.assign(new Array(3), { 2: 'sparse', name: 'x' }),
]

/** JSON that is not what anybody stored there. */
const ODD = ['null', '5', '[]', '{}', '""', '[null]', '{"format":1}', '[[],[]]', '{"format":"1","id":{}}'].map(utf8)

const jsonBytes = (value: unknown): Uint8Array => utf8(JSON.stringify(value))

function frames(): Uint8Array[] {
  const batch = (count: number, tombstones: boolean) => {
    const records = Array.from({ length: count }, (_, i) => ({
      codec: 1,
      key: utf8(`key ${i}`),
      value: tombstones ? undefined : jsonBytes(VALUES[i % VALUES.length]),
      headers: [['name', utf8('value')]] as const,
      schema: i % 2 === 0 ? undefined : i,
    }))
    return { records, bytes: guessBatchBytes(records), options: {}, speaks: false, resolve: () => {}, reject: () => {} }
  }
  const at = { next: 40, chain: 7, durable: 30, epoch: 2, timestamp: 1_700_000_000_000, salt: SALT }
  const control = encodeControlFrame({ kind: 'state', durable: 3, bootId: 'boot' }, at).bytes
  const placed = (append: ReturnType<typeof batch>) => ({ append, first: at.next, records: append.records })
  return [
    encodeAppends([placed(batch(5, false))], at, at.timestamp).bytes,
    encodeAppends([placed(batch(1, true))], at, at.timestamp).bytes,
    control,
  ]
}

function decodeFrame(bytes: Uint8Array): void {
  const header = readFrameHeader(bytes, 0, SALT)
  if (typeof header === 'string' || header.length > bytes.length) return
  const body = frameBody(bytes, header)
  if (body === undefined) return
  if (header.isControl) decodeControlState(body)
  else readRecords(body, header, header.baseOffset, 10_000)
}

function chunkDecoder(whole: boolean): (bytes: Uint8Array) => void {
  return (bytes) => {
    const block = decodeChunk(bytes, SALT, KEY, whole)
    for (const header of block.frames) {
      const body = header.at + header.length <= bytes.length ? frameBody(bytes, header) : undefined
      if (body !== undefined) readRecords(body, header, header.baseOffset, 10_000)
    }
  }
}

const sealed = (kind: EnvelopeKind, body: Uint8Array, codec = 1): Uint8Array => sealEnvelope({ kind, codec, writeId: WRITE_ID }, body)

const manifest = {
  format: 1,
  id: KEY,
  agent: 'a',
  session: 's',
  branch: 'main',
  index: 3,
  timestamp: 1,
  parents: ['p'],
  contentHash: 'ff',
  tags: [],
  bytes: 10,
  storedBytes: 58,
  compression: 'none',
  codec: 1,
  content: { id: 'c', compression: 0, parts: 1 },
}

const said = {
  format: 1,
  epoch: 2,
  upTo: 40,
  producers: [
    ['p', 1, 0, 3, [[2, 7, 1_700_000_000_000]]],
    ['q', 0, 0, 9, []],
  ],
  ids: [['a', 3, 1_700_000_000_000]],
}

/** A place that holds one blob, whatever it is asked for. */
function holding(data: Uint8Array): never {
  return { get: async () => ({ key: KEY, bytes: data.length, version: '1', data }) } as never
}

async function storedValue(bytes: Uint8Array): Promise<unknown> {
  peekExpiry(bytes)
  return decodeStored(openValue({ key: KEY, bytes: bytes.length, version: '1', data: bytes }, KEY), KEY, codec)
}

const segmentHeader = encodeSegmentHeader({
  sequence: 3,
  baseOffset: 100,
  createdAt: 1_700_000_000_000,
  salt: SALT,
  epoch: 2,
  previousChain: 99,
  place: 12345,
})

const index = new SegmentIndex({ offset: 100, position: 64, reached: 0 })
for (let n = 1; n < 9; n++) index.note(100 + 10 * n, 64 + 5_000 * n, 1_700_000_000_000 + n)
const footer = encodeFooter(index, { base: 100, length: 50_000, next: 190, records: 90, chain: 5, timestamp: 1_700_000_000_009 })

const values = VALUES.map((value) => sealed('value', jsonBytes(value)))
const structured = STRUCTURED.map((value) => structuredCodec.encode(value).slice())

const archived = {
  records: encodeRecords({
    bucket: 1,
    records: [3, 4, 9].map((offset) => ({
      offset,
      timestamp: 1_700_000_000_000 - offset,
      key: utf8('k'),
      value: offset === 4 ? undefined : utf8('value'),
      headers: [['name', utf8('header')]] as const,
      codec: 1,
      schema: offset,
    })),
  }),
  values: encodeValues({
    namespace: 'ns',
    values: ['a', 'b'].map((key) => ({ key, codec: 1, expiresAt: key === 'a' ? undefined : 1_700_000_000_000, bytes: utf8('{}') })),
  }),
  queue: { name: 'q', incarnation: 'log/i0123456789abcdef', buckets: 2, createdAt: 5 },
  bucketEnd: { bucket: 0, records: 3, first: 1, next: 9, gaps: [{ bucket: 0, from: 1, to: 2 }], sealed: true },
  group: { bucket: 0, name: 'g', ordering: 'key', committed: 1, cursor: 5, pending: [[1, 2, 'c', 3, 'why']] },
  marks: { task: 't', state: { format: 1 } },
}

const archivedSnapshot = {
  info: {
    id: '8f1d3c1a-0000-4000-8000-000000000001',
    agent: 'a',
    session: 's',
    branch: 'main',
    index: 3,
    timestamp: 1,
    parents: ['8f1d3c1a-0000-4000-8000-000000000000'],
    contentHash: 'ab'.repeat(32),
    tags: ['t'],
    pinned: true,
    bytes: 10,
    storedBytes: 58,
    compression: 'none',
  },
  content: {
    root: { kind: 'bytes', bytes: 1, parts: [{ leaf: 'A'.repeat(44), bytes: 1 }] },
    bytes: 1,
    contentHash: 'ab'.repeat(32),
    codec: 0,
  },
  chunks: 2,
}
const archivedChunks = encodeChunks([
  { kind: 'leaf', plain: utf8('a leaf') },
  { kind: 'node', plain: utf8('{}') },
])

const contents = { backend: 'memory', queues: [archived.queue], namespaces: ['ns'] }

async function wholeArchive(): Promise<Uint8Array> {
  const sections = async function* () {
    yield { type: 'contents', body: jsonBytes(contents) } as const
    yield { type: 'records', body: archived.records, counts: { records: 3 } } as const
    yield { type: 'values', body: utf8('compressible '.repeat(60)), isOptional: true } as const
  }
  const pieces: Uint8Array[] = []
  for await (const piece of writeArchive(sections(), 5)) pieces.push(piece)
  return Uint8Array.from(Buffer.concat(pieces))
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

async function readArchive(bytes: Uint8Array): Promise<void> {
  const reader = new ArchiveReader(one(bytes))
  for await (const section of reader.sections()) section.body.at(0)
}

export const targets: readonly FuzzTarget[] = [
  { name: 'frame', valid: frames(), repair: (bytes) => repairFrame(bytes, 0, SALT), decode: decodeFrame },
  {
    name: 'chunk',
    valid: frames().map((bytes) => encodeChunk(bytes, 1, WRITE_ID)),
    repair: (bytes) => repairChunk(bytes, SALT),
    decode: chunkDecoder(true),
  },
  {
    name: 'beginning of a chunk',
    valid: frames().map((bytes) => encodeChunk(bytes, 1, WRITE_ID).slice(0, 96)),
    repair: (bytes) => repairChunk(bytes, SALT),
    decode: chunkDecoder(false),
  },
  { name: 'footer of a segment', valid: [footer], repair: repairFooter, decode: decodeFooter },
  { name: 'segment header', valid: [segmentHeader], repair: repairSegmentHeader, decode: decodeSegmentHeader },
  {
    name: 'control state',
    valid: [jsonBytes({ kind: 'state', durable: 3, bootId: null }), jsonBytes({ kind: 'state', durable: 2 ** 40, bootId: 'b' }), ...ODD],
    decode: (bytes) => decodeControlState(bytes).durable.toFixed(),
  },
  { name: 'envelope', valid: values, repair: repairEnvelope, decode: (bytes) => openEnvelope(bytes, 'value', KEY) },
  { name: 'JSON', valid: VALUES.map(jsonBytes), decode: (bytes) => jsonCodec.decode(bytes) },
  { name: 'structured value', valid: structured, decode: (bytes) => structuredCodec.decode(bytes) },
  { name: 'text', valid: ['', 'two\nlines \u{1F30D}', 'z'.repeat(300)].map(utf8), decode: (bytes) => textCodec.decode(bytes) },
  { name: 'NDJSON', valid: [ndjsonCodec.encode(VALUES), ...ODD], decode: (bytes) => ndjsonCodec.decode(bytes) },
  {
    name: 'manifest of a snapshot',
    valid: [jsonBytes(manifest), ...ODD].map((body) => sealed('manifest', body)),
    repair: repairEnvelope,
    decode: (bytes) => decodeManifest(bytes, KEY),
  },
  {
    name: 'what ids and producers said',
    valid: [jsonBytes(said), ...ODD],
    decode: (bytes) => AppendTable.from(jsonCodec.decode(bytes), { ms: 1, ids: 1 }).toStored(1),
  },
  {
    name: 'name in a key',
    valid: ['abc', 'a-2f_3a~7a', '~f0~9f~8c~8d'].map(utf8),
    decode: (bytes) => unescapeName(String.fromCharCode(...bytes)),
  },
  { name: 'records of an archive', valid: [archived.records], decode: decodeRecords },
  { name: 'values of an archive', valid: [archived.values], decode: decodeValues },
  { name: 'chunks in an archive', valid: [archivedChunks], decode: (bytes) => void [...decodeChunks(bytes)] },
  { name: 'snapshot in an archive', valid: [jsonBytes(archivedSnapshot), ...ODD], decode: decodeSnapshot },
  {
    name: 'what an archive says of a queue',
    valid: [...[contents, archived.queue, archived.bucketEnd, archived.group, archived.marks].map(jsonBytes), ...ODD],
    decode: (bytes) => {
      let refused: unknown
      for (const read of [readContents, readQueue, readBucketEnd, readGroup, readMarks]) {
        try {
          read(bytes)
        } catch (error) {
          refused ??= error
        }
      }
      if (refused !== undefined) throw refused
    },
  },
  {
    name: 'blob of OPFS',
    valid: values,
    decode: (bytes) => {
      readHeader(bytes, bytes.length)
      isIntact(bytes)
    },
  },
]

const archive = await wholeArchive()

const packed = await Promise.all(
  (['gzip', 'deflate', 'brotli', 'lz4'] as const).map(async (name) => (await compressBytes(name, utf8('compressible '.repeat(60)))).bytes),
)

/** In plain TypeScript, as runtimes without one of their own read it. */
const plainZstd: Compression = { name: 'zstd', id: 4, compress: (bytes) => bytes, decompress: decodeZstd }
const zstdFrames = (
  JSON.parse(await readFile(join(import.meta.dirname, '../fixtures/zstd-frames.json'), 'utf8')) as { base64: string }[]
).map(({ base64 }) => new Uint8Array(Buffer.from(base64, 'base64')))

/** Those that answer later, a promise a run. */
export const slowTargets: readonly FuzzTarget[] = [
  {
    name: 'cell',
    valid: [jsonBytes([{ a: 1 }, ['00', '11']]), jsonBytes([null, []]), ...ODD].map((body) => sealed('cell', body)),
    repair: repairEnvelope,
    decode: (bytes) => new Cell({ blobs: holding(bytes), clock: new ManualClock(), key: KEY }).read(),
  },
  {
    name: 'value of a key',
    valid: [...values, ...structured.map((bytes) => sealed('value', bytes, 2))],
    repair: repairEnvelope,
    decode: storedValue,
  },
  {
    name: 'entry of the catalogue',
    valid: [jsonBytes({ format: 1, incarnation: 'log/i0', buckets: 2, discipline: 'owned', createdAt: 5 }), ...ODD].map((body) =>
      sealed('catalogue', body),
    ),
    repair: repairEnvelope,
    decode: (bytes) => findQueue(holding(bytes), 'q'),
  },
  { name: 'archive', valid: [archive], repair: repairArchive, decode: readArchive },
  { name: 'gzip', valid: packed, decode: (bytes) => decompressBytes(1, bytes, 780) },
  { name: 'deflate', valid: packed, decode: (bytes) => decompressBytes(2, bytes, 780) },
  { name: 'brotli', valid: packed, decode: (bytes) => decompressBytes(3, bytes, 780) },
  { name: 'zstd', valid: zstdFrames, decode: (bytes) => decompressBytes(4, bytes, 3000, plainZstd) },
  { name: 'lz4', valid: packed, decode: (bytes) => decompressBytes(5, bytes, 780) },
]
