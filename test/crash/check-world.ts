// What must hold of a small world whatever happened to it: I1 all that was promised is there, I2 nothing in part, I3 nothing
// that is referenced is missing, I5 verification is clean, I8 another look sees the same.

import { type Backend, isStorageError } from 'varve'
import { type Note, type Notes, ONCE, openAll, type Opened, SESSION } from './small-world.js'

/** Nothing happened: all that was acknowledged is there. */
export const NOTHING_HAPPENED: Happening = { operations: Number.MAX_SAFE_INTEGER, failure: 'kill', isCut: false }

/** When it happened, and what such a thing leaves. */
export interface Happening {
  readonly operations: number
  readonly failure: 'power' | 'kill'
  readonly isCut: boolean
}

interface SeenRecord {
  readonly bucket: number
  readonly offset: number
  readonly key: string | undefined
  readonly value: string
}

interface Seen {
  readonly records: readonly SeenRecord[]
  readonly value: number | undefined
  readonly states: readonly number[]
  readonly problems: readonly unknown[]
}

/** Looks at the world twice, the second time after it went on, and checks all that was noted of it. */
export async function checkWorld(connect: () => Backend, notes: Notes, happening: Happening): Promise<void> {
  const seen = await visit(connect(), 1, async (opened) => {
    const seen = await look(opened)
    expectRecords(seen, notes, happening)
    expectValue(seen, notes, happening)
    expectStates(seen, notes, happening)
    await expectDeliveries(opened, seen, notes, happening)
    return seen
  })
  await visit(connect(), 2, async (opened) => {
    expectSame(await look(opened), seen, 'a second look')
    await goOn(opened, seen)
    await appendAgain(opened, seen, notes, happening)
  })
}

async function visit<T>(backend: Backend, days: number, task: (opened: Opened) => Promise<T>): Promise<T> {
  const opened = await openAll(backend, days)
  try {
    return await task(opened)
  } finally {
    await opened.store.close()
  }
}

async function look({ queue, kv, snapshots }: Opened): Promise<Seen> {
  const records: SeenRecord[] = []
  for (let bucket = 0; bucket < queue.buckets; bucket++) {
    for (const { offset, key, value } of await queue.read({ bucket, limit: 10_000 })) records.push({ bucket, offset, key, value })
  }
  const states: number[] = []
  for await (const { id } of snapshots.list(SESSION)) states.push((await snapshots.load(id)).n)
  const { problems } = await snapshots.verify()
  return { records, value: await kv.get('k'), states, problems }
}

function expectRecords({ records }: Seen, notes: Notes, happening: Happening): void {
  const noted = new Map(notes.records.map((note) => [note.value, note]))
  const found = new Map<string, SeenRecord>()
  let last: SeenRecord | undefined
  for (const record of records) {
    const note = noted.get(record.value)
    if (note === undefined || !mayBe(note, happening)) throw new Error(`nobody appended ${record.value}`)
    if (note.bucket !== record.bucket || note.key !== record.key || (note.offset ?? record.offset) !== record.offset)
      throw new Error(`${JSON.stringify(record)} was appended as ${JSON.stringify(note)}`)
    if (last?.bucket === record.bucket && last.offset >= record.offset)
      throw new Error(`offset ${record.offset} comes after ${last.offset}`)
    if (found.has(record.value)) throw new Error(`${record.value} is there twice`)
    found.set(record.value, record)
    last = record
  }
  for (const note of notes.records) {
    if (found.has(note.value) || isDropped(note, records, notes, happening)) continue
    if (isRequired(note, happening)) throw new Error(`lost offset ${note.offset} of bucket ${note.bucket}: ${note.value}`)
    const part = notes.records.find(({ batch, bucket, value }) => batch === note.batch && bucket === note.bucket && found.has(value))
    if (part !== undefined) throw new Error(`${part.value} is there without ${note.value}`)
  }
  expectTrimmed(records, notes, happening)
}

/** Trimmed, or replaced by a later record of its key, as far as anybody asked for it. */
function isDropped(note: Notes['records'][number], records: readonly SeenRecord[], notes: Notes, happening: Happening): boolean {
  const { offset, bucket, key } = note
  if (offset === undefined) return false
  if (notes.trims.some((trim) => mayBe(trim, happening) && offset < (trim.before[bucket] as number))) return true
  if (!notes.compactions.some((compaction) => mayBe(compaction, happening))) return false
  return records.some((record) => record.bucket === bucket && record.key === key && record.offset > offset)
}

function expectTrimmed(records: readonly SeenRecord[], { trims }: Notes, happening: Happening): void {
  for (const trim of trims) {
    if (!isRequired(trim, happening)) continue
    const below = records.find(({ bucket, offset }) => offset < (trim.before[bucket] as number))
    if (below !== undefined) throw new Error(`${JSON.stringify(below)} had been trimmed`)
  }
}

/** The last that is certain, or anything that was begun since. */
function expectValue({ value }: Seen, { puts }: Notes, happening: Happening): void {
  const certain = puts.map((put) => isRequired(put, happening)).lastIndexOf(true)
  const possible = puts.filter((put, index) => index >= certain && mayBe(put, happening)).map((put) => put.value)
  if (certain === -1) possible.push(undefined)
  if (!possible.includes(value)) throw new Error(`the key holds ${value}, not one of ${possible.join(', ')}`)
}

function expectStates({ states, problems }: Seen, { saves }: Notes, happening: Happening): void {
  if (problems.length > 0) throw new Error(`verification found ${JSON.stringify(problems)}`)
  const possible = new Set(saves.filter((save) => mayBe(save, happening)).map(({ state }) => state))
  for (const state of states) if (!possible.has(state)) throw new Error(`nobody saved ${state}`)
  for (const save of saves)
    if (isRequired(save, happening) && !states.includes(save.state)) throw new Error(`lost the snapshot ${save.state}`)
}

async function expectDeliveries({ group }: Opened, { records }: Seen, { acks }: Notes, happening: Happening): Promise<void> {
  const delivered = new Set((await group.receive({ limit: 10_000 })).map(({ value }) => value))
  const acked = new Map(acks.map((ack) => [ack.value, ack]))
  for (const { value, bucket, offset } of records) {
    const ack = acked.get(value)
    if (!delivered.has(value) && (ack === undefined || !mayBe(ack, happening)))
      throw new Error(`the group skips ${offset} of bucket ${bucket}: ${value}`)
    if (delivered.has(value) && ack !== undefined && isRequired(ack, happening)) throw new Error(`the group delivers ${value} again`)
    delivered.delete(value)
  }
  if (delivered.size > 0) throw new Error(`delivered, and not in the log: ${[...delivered].join(', ')}`)
}

/** Appends, puts and saves work, and offsets never go back. */
async function goOn({ queue, kv, snapshots }: Opened, { records }: Seen): Promise<void> {
  const { bucket, offset } = await queue.append('goes on', { key: 'a' })
  const behind = records.find((record) => record.bucket === bucket && record.offset >= offset)
  if (behind !== undefined) throw new Error(`an append got offset ${offset}, which ${behind.value} has or had passed`)
  const [read] = await queue.read({ bucket, from: offset })
  if (read?.value !== 'goes on') throw new Error(`an append to offset ${offset} reads ${read?.value}`)
  await kv.put('k', -1)
  const { id } = await snapshots.save({ ...SESSION, state: { n: -1 } })
  expectSame([await kv.get('k'), (await snapshots.load(id)).n], [-1, -1], 'what was stored afterwards')
}

/** An append with an id that was acknowledged is acknowledged as what it was, whatever went since; another is stored once. */
async function appendAgain({ queue }: Opened, { records }: Seen, notes: Notes, happening: Happening): Promise<void> {
  const note = notes.records.find(({ isOnce }) => isOnce)
  if (note === undefined) return
  const found = records.find(({ value }) => value === note.value)
  const expected = found?.offset ?? (isRequired(note, happening) ? note.offset : undefined)
  const receipt = await queue.append(note.value, { key: note.key, id: ONCE })
  if (expected !== undefined && (receipt.offset !== expected || receipt.duplicate !== true))
    throw new Error(`${note.value} of offset ${expected} is acknowledged as ${JSON.stringify(receipt)} when it comes again`)
  const there = (await queue.read({ bucket: note.bucket, limit: 10_000 })).filter(({ value }) => value === note.value)
  const isGone = expected !== undefined && found === undefined
  if (there.length > (isGone ? 0 : 1) || (found !== undefined && there.length === 0))
    throw new Error(`${note.value} is there ${there.length} times after it came again`)
}

/** The notes as a life begins with them that begins in what happened. */
export function carried(notes: Notes, happening: Happening): Notes {
  const carry = <N extends Note>(list: readonly N[]): N[] =>
    list
      .filter((note) => mayBe(note, happening))
      .map((note) => {
        const since = isRequired(note, happening) ? 0 : Number.POSITIVE_INFINITY
        return { ...note, begunAt: -1, acknowledgedAt: since, durableAt: since }
      })
  const { records, acks, puts, saves, trims, compactions } = notes
  return {
    records: carry(records),
    acks: carry(acks),
    puts: carry(puts),
    saves: carry(saves),
    trims: carry(trims),
    compactions: carry(compactions),
  }
}

/** What changes nothing on the disk may be over when it begins. */
function mayBe({ begunAt, acknowledgedAt }: Note, { operations }: Happening): boolean {
  return begunAt < operations || acknowledgedAt <= operations
}

function isRequired(note: Note, { operations, failure, isCut }: Happening): boolean {
  if (failure === 'power') return note.durableAt <= operations
  return isCut ? note.acknowledgedAt < operations : note.acknowledgedAt <= operations
}

function expectSame(found: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)]
  if (a !== b) throw new Error(`${what} differs: found ${a}, expected ${b}`)
}

/** The error with words for where it happened before it. */
export function placed(where: string, cause: unknown): Error {
  const what = isStorageError(cause) ? `${cause.code}: ${cause.message}` : (cause as Error).message
  return new Error(`${where}: ${what}`, { cause })
}
