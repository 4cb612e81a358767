// Decoders of what snapshots are stored as: packs and what tells of them, nodes of contents, manifests that lie together.

import { concatBytes, utf8 } from '../../dist/core/base/bytes.js'
import { sealEnvelope } from '../../dist/core/codec/envelope.js'
import { idOf } from '../../dist/core/engine/content/chunk-id.js'
import { checkContentNode } from '../../dist/core/engine/content/check-node.js'
import { openCollection, type StoredCollection } from '../../dist/core/engine/content/collection.js'
import { openIndex, sealIndex } from '../../dist/core/engine/content/index-blob.js'
import {
  chunkRecord,
  entryOf,
  HEADER_BYTES,
  openRecord,
  openTail,
  packHeader,
  packTail,
  scanPack,
} from '../../dist/core/engine/content/pack-format.js'
import { jsonCodec } from '../../dist/core/codec/json.js'
import { type ManifestDraft, hashManifest, manifestIn, openBatch, sealManifests } from '../../dist/core/features/snapshots/manifest.js'
import { closeSession, headsOf, openSession, type StoredSession } from '../../dist/core/features/snapshots/session.js'
import { parsePage } from '../../dist/core/features/snapshots/session-pages.js'
import { infoOfSummary, originOf, packSummary } from '../../dist/core/features/snapshots/summary.js'
import type { FuzzTarget } from './targets.js'
import { repairEnvelope, repairPackTail, repairRecord } from './repair.js'

const NAME = 'ab'.repeat(32)
const IDS = [0, 1].map((n) => `0f8fad5b-d9cb-869f-a165-70860000000${n}`)

const leaf = utf8('a piece of a content '.repeat(9))
const leafId = await idOf('leaf', leaf)
const record = chunkRecord({ id: leafId, kind: 'leaf', compression: 0, plainBytes: leaf.length, bytes: leaf })
const entries = [entryOf(record, HEADER_BYTES), entryOf(record, HEADER_BYTES + record.length)]
const tail = packTail(entries, HEADER_BYTES + 2 * record.length)
const pack = concatBytes([packHeader(), record, record, tail])

const node = {
  kind: 'map',
  bytes: 17 + 1 + leaf.length + 1 + 30,
  parts: [
    { text: '"a":1,"b":[2,3,4]', items: 2 },
    { leaf: leafId, bytes: leaf.length, items: 2 },
    { key: 'k', node: leafId, bytes: 26 },
  ],
}
const nodes = [
  node,
  {
    kind: 'list',
    bytes: 11,
    parts: [{ text: '1,2,3', items: 3 }, { node: { kind: 'list', bytes: 3, parts: [{ text: '4,5', items: 2 }] } }],
  },
  { kind: 'bytes', bytes: leaf.length, parts: [{ leaf: leafId, bytes: leaf.length }] },
  { kind: 'bytes', bytes: 0, parts: [] },
]

const SUMMARY = {
  branch: 'main',
  timestamp: 17,
  parents: IDS,
  contentHash: NAME,
  tags: ['t'],
  description: 'd',
  metadata: { n: [1] },
  bytes: 13,
  storedBytes: 7,
  compression: 'none',
  origin: { index: 3, timestamp: 5 },
  clock: 4,
} as const

const drafts = await Promise.all(
  IDS.map((id, index) => {
    const root = nodes[1] as ManifestDraft['root']
    return hashManifest({ ...SUMMARY, id, agent: 'a', session: 's', index, codec: 1, root, previous: { index: 1, hash: NAME } })
  }),
)
const texts = utf8(drafts.map(({ text }) => text).join('\n'))

const rows = IDS.map((id, index) => packSummary({ ...SUMMARY, id, index, hash: NAME, attempt: '0123456789ab', pinned: true }))
const page = { agent: 'a', session: 's', rows }
const session = {
  ...{ format: 2, agent: 'a', session: 's', nextIndex: 2, swept: 1, last: { index: 1, hash: NAME, timestamp: 17 } },
  ...{ heads: [['main', IDS[1], 1]], pages: [['p', 0, 1, 17, 17, 2]], labels: [[IDS[0], 0, ['t'], true]], recent: rows },
}
const oldEntry = { id: IDS[0], index: 0, branch: 'main', timestamp: 17, tags: ['t'], contentId: IDS[1] }
const oldSession = { format: 1, agent: 'a', session: 's', nextIndex: 1, heads: [['main', IDS[0]]], entries: [oldEntry] }
const collection = { format: 1, epoch: 3, token: 'ab', doomed: [NAME] }

export const snapshotTargets: readonly FuzzTarget[] = [
  { name: 'end of a pack', valid: [pack, tail], repair: repairPackTail, decode: (bytes) => openTail(bytes, pack.length, NAME) },
  { name: 'chunk of a pack', valid: [record], repair: (bytes) => repairRecord(bytes, 0), decode: (bytes) => openRecord(bytes, NAME) },
  { name: 'pack without an end', valid: [pack], repair: (bytes) => repairRecord(bytes, HEADER_BYTES), decode: scanPack },
  {
    name: 'table of packs',
    valid: [sealIndex([{ name: NAME, bytes: pack.length, entries: concatBytes(entries) }]), sealIndex([])],
    repair: repairEnvelope,
    decode: (bytes) => openIndex(bytes, NAME),
  },
  {
    name: 'node of a content',
    valid: nodes.map((value) => utf8(JSON.stringify(value))),
    decode: (bytes) => checkContentNode(jsonCodec.decode(bytes)),
  },
  {
    name: 'session in its cell',
    valid: [session, oldSession].map((value) => utf8(JSON.stringify(value))),
    decode: (bytes) => {
      const state = openSession(jsonCodec.decode(bytes) as unknown as StoredSession)
      headsOf(state.recent)
      for (const summary of state.recent) infoOfSummary(state, summary)
      closeSession(state)
    },
  },
  { name: 'page of summaries', valid: [utf8(JSON.stringify(page))], decode: (bytes) => parsePage(bytes, NAME).map(originOf) },
  {
    name: 'cell of the collections',
    valid: [utf8(JSON.stringify(collection))],
    decode: (bytes) => openCollection(jsonCodec.decode(bytes) as unknown as StoredCollection).epoch.toFixed(),
  },
]

export const slowSnapshotTargets: readonly FuzzTarget[] = [
  {
    name: 'manifests that lie together',
    valid: [await sealManifests(drafts), sealEnvelope({ kind: 'manifests', codec: 1, compression: 0, plainLength: texts.length }, texts)],
    repair: repairEnvelope,
    decode: async (bytes) => {
      const found = await openBatch(bytes, NAME)
      for (const id of found.keys()) await manifestIn(found, id)
    },
  },
]
