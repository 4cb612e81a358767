// What must hold of a store of snapshots whatever happened to it: I1 what was acknowledged loads equal, I2 nothing is there in
// part, I3 and I6 a collection takes what nothing refers to and nothing else, I4 indexes only rise, I5 verification is clean,
// I8 going on works and another collection finds nothing to do.

import { type Backend, isStorageError, type SnapshotInfo } from 'varve'
import { storedKeys } from 'varve/testing'
import { AGENT, stateOf } from './snapshot-programs.js'
import { type AnyState, jsonOf, type OpenedSnapshots, openWorld, type SnapshotNote, type Span } from './snapshot-world.js'

const A_YEAR_LATER = Date.UTC(2025, 0, 1)
/** Of packs beside 1.25 times of what is reachable: headers and tables. */
const SPARE_BYTES = 16_384

interface Seen {
  readonly info: SnapshotInfo
  readonly json: string
}

/** `operations` of the disk had happened. Nothing was lost of them. */
export async function checkSnapshots(connect: () => Backend, notes: readonly SnapshotNote[], operations: number): Promise<void> {
  const before = await visit(connect(), async (opened) => {
    const seen = await look(opened)
    expectNotes(seen, notes, operations)
    return seen
  })
  const saved = await visit(connect(), async ({ snapshots }) => {
    const info = await snapshots.save({ agent: AGENT, session: 's', branch: 'main', state: stateOf(77) })
    const last = Math.max(-1, ...before.filter((one) => one.info.session === 's').map((one) => one.info.index))
    if (info.index <= last) throw new Error(`a save got index ${info.index} behind ${last}`)
    const { storedBytes, liveBytes } = await snapshots.collect()
    if (storedBytes > 1.25 * liveBytes + SPARE_BYTES) throw new Error(`${storedBytes} bytes stay of ${liveBytes} that are reachable`)
    return { info, json: jsonOf(stateOf(77)) }
  })
  const backend = connect()
  await visit(backend, async (opened) => {
    expectSame(await look(opened), [saved, ...before], 'what is there after a collection')
    const { removedPacks, removedBlobs } = await opened.snapshots.collect()
    if (removedPacks + removedBlobs > 0) throw new Error(`a second collection took ${removedPacks} packs and ${removedBlobs} blobs`)
    await expectNoLeftovers(backend, [saved, ...before])
  })
}

async function visit<T>(backend: Backend, task: (opened: OpenedSnapshots) => Promise<T>): Promise<T> {
  const opened = await openWorld(backend, A_YEAR_LATER)
  try {
    return await task(opened)
  } finally {
    await opened.store.close()
  }
}

async function look({ snapshots }: OpenedSnapshots): Promise<Seen[]> {
  const seen: Seen[] = []
  for await (const info of snapshots.list()) seen.push({ info, json: jsonOf((await snapshots.load(info.id)) as AnyState) })
  const { problems, checked } = await snapshots.verify()
  if (problems.length > 0) throw new Error(`verification found ${JSON.stringify(problems)}`)
  if (checked !== seen.length) throw new Error(`${checked} were verified of ${seen.length} that are listed`)
  return seen
}

function expectNotes(seen: readonly Seen[], notes: readonly SnapshotNote[], operations: number): void {
  const known = new Map(notes.map((note) => [note.info?.id, note]))
  const open = notes.filter((note) => mayBe(note, operations) && !isDone(note, operations))
  for (const { info, json } of seen) {
    const acknowledged = known.get(info.id)
    const note = acknowledged ?? open.find((one) => one.info === undefined && isOf(one, info))
    if (note === undefined || !mayBe(note, operations)) throw new Error(`nobody saved ${JSON.stringify(info)}`)
    if (note.json !== json) throw new Error(`${info.id} loads as what was not saved: ${json.slice(0, 100)}`)
    if (isDone(note.gone, operations)) throw new Error(`${info.id} had been deleted`)
    if (note.info !== undefined) expectInfo(info, note, operations)
  }
  const ids = new Set(seen.map(({ info }) => info.id))
  for (const note of notes) {
    if (isDone(note, operations) && !mayBe(note.gone, operations) && !ids.has(note.info?.id ?? ''))
      throw new Error(`lost ${note.session}, ${note.branch}, ${note.info?.id}`)
  }
}

/** With the last label that is certain, or any that was begun since. */
function expectInfo(info: SnapshotInfo, { info: saved, labels }: SnapshotNote, operations: number): void {
  const begun = labels.filter((label) => mayBe(label, operations))
  const certain = begun.map((label) => isDone(label, operations)).lastIndexOf(true)
  const possible = [...(certain === -1 ? [saved] : []), ...begun.slice(Math.max(0, certain)).map((label) => label.info)].map(sorted)
  if (!possible.includes(sorted(info))) throw new Error(`${sorted(info)} is none of ${possible.join(', ')}`)
}

function isOf(note: SnapshotNote, { session, branch, contentHash }: SnapshotInfo): boolean {
  return note.session === session && note.branch === branch && note.contentHash === contentHash
}

/** Manifests of what is listed, and no others. */
async function expectNoLeftovers(backend: Backend, seen: readonly Seen[]): Promise<void> {
  const ids = seen.map(({ info }) => info.id)
  for (const key of await storedKeys(backend, 'snapshots/manifests/')) {
    const name = key.slice(key.lastIndexOf('/') + 1)
    if (!ids.some((id) => id === name || `b${id.slice(0, 28)}` === name || name.startsWith(`${id}.`)))
      throw new Error(`nothing refers to ${key}, and it is there`)
  }
}

function sorted(value: object | undefined): string {
  return JSON.stringify(Object.entries(value ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function expectSame(found: readonly Seen[], expected: readonly Seen[], what: string): void {
  const text = (seen: readonly Seen[]): string =>
    seen
      .map(({ info, json }) => `${sorted(info)} ${json}`)
      .sort()
      .join('\n')
  if (text(found) === text(expected)) return
  const [a, b] = [found, expected].map((seen) => seen.map(({ info }) => info.id).join(' '))
  throw new Error(`${what} differs: found ${a}, expected ${b}`)
}

function mayBe(span: Span | undefined, operations: number): boolean {
  return span !== undefined && (span.begunAt < operations || span.doneAt <= operations)
}

function isDone(span: Span | undefined, operations: number): boolean {
  return span !== undefined && span.doneAt <= operations
}

/** The error with words for where it happened before it. */
export function placed(where: string, cause: unknown): Error {
  const what = isStorageError(cause) ? `${cause.code}: ${cause.message} ${JSON.stringify(cause.facts)}` : (cause as Error).message
  return new Error(`${where}: ${what}`, { cause })
}
