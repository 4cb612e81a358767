// Decoders of what snapshots are stored as: packs and what tells of them, nodes of contents, manifests that lie together.

import { concatBytes, utf8 } from '../../dist/core/base/bytes.js'
import { sealEnvelope } from '../../dist/core/codec/envelope.js'
import { idOf } from '../../dist/core/engine/content/chunk-id.js'
import { checkContentNode } from '../../dist/core/engine/content/check-node.js'
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

const drafts = await Promise.all(
  IDS.map((id, index) =>
    hashManifest({ id, agent: 'a', session: 's', branch: 'main', index, codec: 1, root: nodes[1] } as unknown as ManifestDraft),
  ),
)
const texts = utf8(drafts.map(({ text }) => text).join('\n'))

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
