// What is measured, for JSON and for bytes: how many records a turn handles, and for each peer the ratio that is the gate
// (none: shown for comparison). On a row all promise the same: the disk (`always`) or nothing (`none`).

const CALLERS = 64
const BATCH = 1000

/** `records` are handled in each turn; `fill` are there before the first, `refill` says that each turn gets new ones. */
export const rows = ['json', 'bytes'].flatMap((format) => [
  ...[1, 4].map((buckets) => ({
    title: `durable append, ${CALLERS} callers, ${buckets === 1 ? '1 bucket' : `${buckets} buckets`}`,
    format,
    sync: 'always',
    buckets,
    records: CALLERS * 100,
    work: callers,
    peers: { raw: 0.7, 'classic-level': 4, redis: 1.5, lmdb: 1 },
  })),
  {
    title: 'durable append, 1 caller',
    format,
    sync: 'always',
    records: 400,
    work: single,
    peers: { raw: 0.8, 'classic-level': undefined, lmdb: undefined, 'better-sqlite3': undefined, redis: undefined },
  },
  {
    title: `durable batch of ${BATCH}`,
    format,
    sync: 'always',
    records: BATCH * 10,
    work: batches,
    peers: { raw: 0.6, 'classic-level': 2, lmdb: 2, 'better-sqlite3': 2, redis: 2 },
  },
  {
    title: `unsynced batch of ${BATCH}`,
    format,
    sync: 'none',
    records: BATCH * 10,
    work: batches,
    peers: {
      'classic-level': format === 'json' ? 1.5 : 3,
      raw: undefined,
      lmdb: undefined,
      'better-sqlite3': undefined,
      hypercore: undefined,
      redis: undefined,
      nats: undefined,
    },
  },
  {
    title: 'sequential read',
    format,
    sync: 'none',
    records: 20_000,
    fill: true,
    work: read,
    peers: {
      ...(format === 'json' ? { parse: 0.7, redis: undefined, hypercore: undefined } : { redis: 3, hypercore: 10 }),
      'classic-level': undefined,
      lmdb: undefined,
      'better-sqlite3': undefined,
    },
  },
  {
    title: 'group, receive 100 and ack',
    format,
    sync: 'always',
    records: 5_000,
    refill: true,
    work: consume,
    peers: format === 'json' ? { redis: 1, bullmq: 5 } : { redis: 1 },
  },
  ...(format === 'json' ? [unsyncedGroup(format)] : []),
])

/** Those of consumer groups. */
export const groupRows = rows.filter(({ work }) => work === consume)

/** The only way to compare with a server that does not sync. */
function unsyncedGroup(format) {
  return {
    title: 'group, receive and ack; the peer never syncs',
    format,
    sync: 'always',
    records: 5_000,
    refill: true,
    work: consume,
    peers: { nats: undefined },
  }
}

/** Each caller waits for its answer before it appends again. */
async function callers(log, records, count) {
  const turns = Math.ceil(count / CALLERS)
  const caller = async (number) => {
    for (let i = 0; i < turns; i++) await log.appendOne(records[(number * turns + i) % records.length])
  }
  await Promise.all(Array.from({ length: CALLERS }, (_, number) => caller(number)))
}

async function single(log, records, count) {
  const append = log.appendAlone ?? log.appendOne
  for (let i = 0; i < count; i++) await append(records[i % records.length])
}

/** Also how a log is filled before it is read. */
export async function batches(log, records, count) {
  for (let left = count; left > 0; left -= records.length) {
    await log.appendBatch(left < records.length ? records.slice(0, left) : records)
  }
}

async function read(log, _records, count) {
  const found = await log.read()
  if (found !== count) throw new Error(`${found} records were read, ${count} are there`)
}

async function consume(log, _records, count) {
  await log.consume(count)
}
