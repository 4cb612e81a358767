// What golden stores hold. `write` fills an empty store, `read` says in lines of text what a store shows, `change` is done to
// a store that was read from the golden file, to see that it goes on. A case more is a line more in `cases`, and a run of
// scripts/golden.mjs for it.

import { inspect } from 'node:util'
import { openKv, openQueue, openSnapshots } from 'varve'
import { contextOf } from '../../dist/core/derived/resolve.js'
import { streamsOf } from '../../dist/core/derived/streams-over-journals.js'

const PLAIN = [null, 17.5, 'text \u{1F30D}', [1, [2, [3]]], { a: { b: [true, false] } }, 'z'.repeat(40), 'compressible '.repeat(90)]
const STRUCTURED = [
  new Map([['a', new Set([1, 2n, -3n])]]),
  [undefined, Number.NaN, -0, new Date(86_400_000), /a+/giu],
  { bytes: new Uint16Array([1, 2, 3]) },
]

const line = (value) => inspect(value, { depth: 20, breakLength: Number.POSITIVE_INFINITY, compact: true, maxStringLength: 100 })

/** A queue with keys, headers and a group that acknowledged some; `isClosed: false` leaves it as a killed process does. */
function queueCase(name, place, options, { values = PLAIN, isClosed = true } = {}) {
  const keep = { buckets: options.buckets ?? 1, codec: options.codec }
  return {
    name,
    place,
    isClosed,
    async write(store) {
      const queue = await openQueue(store, 'Queue \u00e4', options)
      for (const [n, value] of values.entries()) await queue.append(value, { key: `key ${n}`, headers: { n: `${n}` } })
      await queue.appendMany(values.slice(0, 2))
      const group = await queue.group('g')
      const [first, second] = await group.receive({ limit: 3 })
      await first.ack()
      await second.nack({ delayMs: 60_000 })
    },
    async read(store) {
      const queue = await openQueue(store, 'Queue \u00e4', { ...keep, create: false })
      const lines = []
      for (let bucket = 0; bucket < queue.buckets; bucket++) {
        for (const record of await queue.read({ bucket })) lines.push(line(record))
      }
      const group = await queue.group('g')
      return [...lines, line(await group.committed())]
    },
    async change(store) {
      const queue = await openQueue(store, 'Queue \u00e4', options)
      await queue.append('after', { key: 'after' })
    },
  }
}

/** A group that keeps the order of keys, with records out, given back, passed over and not due. */
function groupCase(name, place, isClosed = true) {
  const open = async (store) => streamsOf(contextOf(store)).open('log/i0000000000000001/0', { segmentBytes: 700 })
  const record = (key, headers = []) => ({ key, value: `"${key}"`, codec: 1, headers })
  return {
    name,
    place,
    isClosed,
    async write(store) {
      const stream = await open(store)
      await stream.append({
        records: [...['a', 'b', 'a', 'c', 'b'].map((key) => record(key)), record('d', [['varve-due', '9000000000000']])],
      })
      const group = await stream.group('Group \u00e4', { ordering: 'key' })
      const [, second, third] = await group.receive('consumer \u00e4', { limit: 10 })
      const handle = ({ record: { offset }, attempt }) => ({ offset, attempt })
      await group.settle([{ ...handle(second), action: 'nack', delayMs: 60_000, reason: 'not yet' }])
      await group.settle([{ ...handle(third), action: 'ack' }])
    },
    async read(store) {
      const group = await (await open(store)).group('Group \u00e4', { create: false, ordering: 'key' })
      return [line((await group.state()).committed), ...(await group.pending()).map(line)]
    },
    async change(store) {
      const stream = await open(store)
      await stream.append({ records: [record('a'), record('e')] })
      await (await stream.group('Group \u00e4')).receive('another', { limit: 10 })
    },
  }
}

function keysCase(name, place, options, values) {
  return {
    name,
    place,
    async write(store) {
      const kv = await openKv(store, 'Names', options)
      for (const [n, value] of values.entries()) await kv.put(`Key ${n}/\u00e4`, value)
      await kv.put('expires', 1, { ttlMs: 4_000_000_000_000 })
    },
    async read(store) {
      const lines = []
      for await (const { key, value, expiresAt } of (await openKv(store, 'Names', options)).list())
        lines.push(line({ key, value, expiresAt }))
      return lines
    },
    async change(store) {
      await (await openKv(store, 'Names', options)).put('z after', 'after')
    },
  }
}

function snapshotsCase(name, place, options) {
  const at = { agent: 'Agent', session: 's/1' }
  return {
    name,
    place,
    async write(store) {
      const snapshots = await openSnapshots(store, options)
      await snapshots.save({ ...at, state: { step: 1, notes: 'note '.repeat(200) }, tags: ['first'], metadata: { offset: 3 } })
      await snapshots.save({ ...at, state: { step: 2, notes: '' }, description: 'second' })
    },
    async read(store) {
      const snapshots = await openSnapshots(store, options)
      const lines = []
      for await (const info of snapshots.list(at)) lines.push(line(info), line(await snapshots.load(info.id)))
      return [...lines, line((await snapshots.verify()).problems)]
    },
    async change(store) {
      await (await openSnapshots(store, options)).save({ ...at, state: { step: 3, notes: 'after' } })
    },
  }
}

/** With branches, labels, what is saved together, pages and a stream. */
function snapshotTreesCase(name, place, options) {
  const at = { agent: 'Agent', session: 's/1' }
  const many = { agent: 'Agent', session: 'many \u00e4' }
  return {
    name,
    place,
    async write(store) {
      const snapshots = await openSnapshots(store, options)
      const items = Array.from({ length: 300 }, (_, n) => ({ n, text: `item ${n} of a list that has many of them` }))
      const first = await snapshots.save({ ...at, state: { items, b: { c: [1, 2] } }, tags: ['first'], metadata: { offset: 3 } })
      await snapshots.save({ ...at, state: { items: [...items, 'more'], b: { c: [1] } }, description: 'long '.repeat(80) })
      await snapshots.fork(first.id, { branch: 'side' })
      await snapshots.tag(first.id, ['later'])
      await snapshots.pin(first.id)
      await snapshots.save({ ...at, branch: 'bytes', stream: new Blob([Uint8Array.from(items, ({ n }) => n & 0xff)]).stream() })
      await snapshots.saveMany(Array.from({ length: 110 }, (_, n) => ({ ...many, state: { n }, tags: n % 50 === 0 ? ['round'] : [] })))
    },
    async read(store) {
      const snapshots = await openSnapshots(store, options)
      const lines = []
      for await (const info of snapshots.list(at)) lines.push(line(info), line(await snapshots.load(info.id)))
      for await (const info of snapshots.list({ ...many, tag: 'round' })) lines.push(line(info), line(await snapshots.load(info.id)))
      const pinned = lines.find((one) => one.includes('pinned: true')).match(/id: '([^']*)'/)[1]
      lines.push(line(await snapshots.load(pinned, { path: '/items/299' })))
      return [...lines, line((await snapshots.verify()).problems)]
    },
    async change(store) {
      const snapshots = await openSnapshots(store, options)
      await snapshots.save({ ...at, state: { items: ['after'] } })
      await snapshots.saveMany([{ ...many, state: { n: 'after' }, tags: ['round'] }])
    },
  }
}

export const cases = [
  queueCase('queue on files', 'files', { buckets: 2, segmentBytes: 700 }),
  queueCase('queue of a killed process', 'files', { segmentBytes: 700 }, { isClosed: false }),
  queueCase('queue of structured values', 'files', { codec: 'structured' }, { values: STRUCTURED }),
  queueCase('queue of text', 'files', { format: 'ndjson', segmentBytes: 2500 }),
  queueCase('queue on chunks', 'chunks', { buckets: 2 }),
  queueCase('queue in a directory', 'directory', { buckets: 2, segmentBytes: 700 }),
  groupCase('group on files', 'files'),
  groupCase('group of a killed process', 'files', false),
  groupCase('group on chunks', 'chunks'),
  keysCase('keys', 'chunks', {}, PLAIN),
  keysCase('keys of structured values', 'directory', { codec: 'structured' }, STRUCTURED),
  snapshotsCase('snapshots', 'chunks', {}),
  snapshotsCase('snapshots in a directory', 'directory', { compression: 'deflate' }),
  snapshotTreesCase('trees of snapshots', 'chunks', {}),
  snapshotTreesCase('trees of snapshots in a directory', 'directory', { compression: 'none' }),
]
