// Damage to any byte of a small store of snapshots is reported by verifying and by loading, or does no harm at all: everything
// is there, and saving and collecting go on.

import { type Backend, encrypted, isStorageError, openSnapshots, type SnapshotInfo, type Snapshots } from 'varve'
import { type DiskImage, faultBackend } from 'varve/testing'
import { beforeAll, describe, expect, test } from 'vitest'
import { tally } from '../tally.js'
import { flipped, imageOf, withBlob } from './images.js'
import { noise } from './snapshot-programs.js'

/** So small that a page of summaries is made of the third snapshot. */
const BACKEND = { files: false, maxBlobBytes: 4_096 }
const CODES = ['corrupt', 'missing'] as const
const REF = { agent: 'a', session: 's' }

interface Repository {
  readonly image: DiskImage
  readonly states: ReadonlyMap<string, string>
  readonly infos: string
  readonly open: Open
}

type Open = (backend: Backend) => Promise<Snapshots<unknown>>
type Save = (snapshots: Snapshots<unknown>) => Promise<unknown>

async function repository(saves: readonly Save[], open: Open = openSnapshots): Promise<Repository> {
  const backend = faultBackend(BACKEND)
  const snapshots = await open(backend.another())
  for (const save of saves) await save(snapshots)
  const infos: SnapshotInfo[] = []
  const states = new Map<string, string>()
  for await (const info of snapshots.list()) {
    infos.push(info)
    states.set(info.id, JSON.stringify(await snapshots.load(info.id)))
  }
  return { image: await imageOf(backend), states, infos: JSON.stringify(infos), open }
}

/** Two branches, two sessions, a batch of manifests, a page, packs that share chunks, and a collection that has been. */
const SAVES: readonly Save[] = [
  (snapshots) => snapshots.save({ ...REF, state: { a: noise(1), b: noise(2, 40) } }),
  (snapshots) => snapshots.save({ ...REF, state: { a: noise(9), b: noise(2, 40) } }),
  (snapshots) => snapshots.saveMany([3, 4].map((n) => ({ ...REF, state: [noise(n, 50)] }))),
  (snapshots) => snapshots.fork(REF, { branch: 'side' }),
  (snapshots) => snapshots.save({ ...REF, session: 't', state: noise(5, 50) }),
  (snapshots) => snapshots.delete({ ...REF, session: 't' }),
  (snapshots) => snapshots.collect(),
]

const SECRET = { key: new Uint8Array(32).fill(1) }

const SEALED: readonly (readonly [what: string, open: Open])[] = [
  ['snapshots that are encrypted', (backend) => openSnapshots<unknown>(backend, { encryption: SECRET })],
  ['snapshots in an encrypted store', (backend) => openSnapshots<unknown>(encrypted(backend, SECRET))],
]
/** Bytes between those that are flipped in sealed blobs. */
const EVERY = 193

type Outcome = 'found' | 'harmless'

/** Throws where a damage is neither found nor harmless. */
async function look(image: DiskImage, { states, infos, open }: Repository): Promise<Outcome> {
  const backend = faultBackend({ ...BACKEND, image })
  const snapshots = await open(backend.another())
  const problems: string[] = []
  const lost = (error: unknown): void => {
    if (!CODES.some((code) => isStorageError(error, code))) throw error
    problems.push((error as Error).message)
  }
  for (const [id, state] of states) {
    const loaded = await snapshots.load(id).then(JSON.stringify, lost)
    if (loaded !== undefined && loaded !== state) throw new Error(`${id} loads as ${loaded.slice(0, 80)}`)
  }
  const listed = await all(snapshots.list()).catch(lost)
  if (listed !== undefined && JSON.stringify(listed) !== infos) problems.push('the list differs')
  const report = await snapshots.verify()
  if (report.ok && problems.length > 0) throw new Error(`verification is clean, but ${problems.join(', ')}`)
  if (!report.ok) return 'found'
  await snapshots.save({ ...REF, state: 'goes on' })
  await snapshots.collect()
  const after = await open(backend.another())
  for (const [id, state] of states) {
    if (JSON.stringify(await after.load(id)) !== state) throw new Error(`${id} loads as something else after a collection`)
  }
  return 'harmless'
}

/** Throws where a damaged blob hurts more than one that is gone would: what does not need it loads, new states are taken. */
async function goOn(image: DiskImage, { states, open }: Repository, { key, spared }: DamagedBlob): Promise<void> {
  const backend = faultBackend({ ...BACKEND, image })
  const snapshots = await open(backend.another())
  for (const id of spared) {
    if (JSON.stringify(await snapshots.load(id)) !== states.get(id)) throw new Error(`${id} loads as something else`)
  }
  // Without it nobody can tell which packs are being deleted.
  if (!key.endsWith('/collection')) await snapshots.save({ agent: 'new', session: 'new', state: noise(20, 50) })
  await snapshots.repair()
}

interface DamagedBlob {
  readonly key: string
  /** Ids of what loads without it. */
  readonly spared: readonly string[]
}

async function without(key: string, { image, states, open }: Repository): Promise<DamagedBlob> {
  const snapshots = await open(faultBackend({ ...BACKEND, image: withBlob(image, key, undefined) }).another())
  const spared: string[] = []
  for (const id of states.keys()) {
    const loaded = await snapshots.load(id).catch(() => undefined)
    if (JSON.stringify(loaded) === states.get(id)) spared.push(id)
  }
  return { key, spared }
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = []
  for await (const item of items) found.push(item)
  return found
}

type Damage = readonly [what: string, image: DiskImage, key?: string]

async function survey(
  what: string,
  whole: Repository,
  damages: Iterable<Damage>,
  check = (image: DiskImage, _key: string) => look(image, whole),
): Promise<void> {
  const from = performance.now()
  const silent: string[] = []
  const counts = { found: 0, harmless: 0 }
  for (const [damage, image, key = ''] of damages) {
    const outcome = await check(image, key).catch((error: unknown) => error as Error)
    if (typeof outcome === 'string') counts[outcome]++
    else silent.push(`${damage}: ${String(outcome)}`)
  }
  expect(silent.slice(0, 20), `${silent.length} in all`).toEqual([])
  tally({ row: `bit flips: ${what}`, ran: counts.found + counts.harmless, found: counts.found, ms: performance.now() - from })
  expect(counts.found).toBeGreaterThan(10)
}

function bytesOf(image: DiskImage, key: string): Uint8Array {
  return image.blobs.get(key)?.synced?.bytes ?? new Uint8Array(0)
}

function* flips(image: DiskImage, keys: Iterable<string>, every = 1): Generator<Damage> {
  for (const key of keys) {
    const bytes = bytesOf(image, key)
    for (let at = 0; at < bytes.length; at += every)
      yield [`byte ${at} of ${key} flipped`, withBlob(image, key, flipped(bytes, at, at % 8)), key]
  }
}

function* cuts(image: DiskImage, every: number): Generator<Damage> {
  for (const key of image.blobs.keys()) {
    const bytes = bytesOf(image, key)
    for (let length = 0; length < bytes.length; length += every)
      yield [`${key} cut at ${length}`, withBlob(image, key, bytes.slice(0, length))]
    yield [`${key} removed`, withBlob(image, key, undefined)]
  }
}

function* swaps(image: DiskImage): Generator<Damage> {
  const keys = [...image.blobs.keys()]
  for (const one of keys) {
    for (const other of keys.filter((key) => key !== one)) {
      const copied = withBlob(image, one, bytesOf(image, other))
      yield [`${other} copied over ${one}`, copied]
      if (one < other) yield [`${one} and ${other} swapped`, withBlob(copied, other, bytesOf(image, one))]
    }
  }
}

describe('damage to a store of snapshots', () => {
  let whole: Repository

  beforeAll(async () => {
    whole = await repository(SAVES)
  })

  test('the store that is damaged has something of each kind', async () => {
    const kinds = new Set([...whole.image.blobs.keys()].map((key) => key.split('/')[1]))
    expect([...kinds].sort()).toEqual(['collection', 'manifests', 'packs', 'pages', 'sessions'])
    expect(whole.states.size).toBe(5)
    expect(await look(whole.image, whole)).toBe('harmless')
  })

  test('at any byte is found or harmless', () => survey('snapshots', whole, flips(whole.image, whole.image.blobs.keys())))

  test('by cutting is found or harmless', () => survey('snapshots, cut', whole, cuts(whole.image, 5)))

  test('by putting one blob in the place of another is found or harmless', () => survey('snapshots, swapped', whole, swaps(whole.image)))

  test('without the cell of the collections saves and collections go on, and nothing is lost', async () => {
    const backend = faultBackend({ ...BACKEND, image: withBlob(whole.image, 'snapshots/collection', undefined) })
    const snapshots = await whole.open(backend.another())
    expect((await snapshots.verify()).problems).toMatchObject([{ code: 'missing', key: 'snapshots/collection' }])
    const { id } = await snapshots.save({ ...REF, state: 'goes on' })
    expect((await snapshots.verify()).problems).toEqual([])
    await snapshots.delete(id)
    await snapshots.collect()
    const after = await whole.open(backend.another())
    for (const [one, state] of whole.states) expect(JSON.stringify(await after.load(one))).toBe(state)
    expect((await after.verify()).problems).toEqual([])
  })

  test('at any byte of a table of packs is found', async () => {
    const saves = Array.from(
      { length: 16 },
      (_, n): Save =>
        (snapshots) =>
          snapshots.save({ ...REF, state: [noise(n, 50)] }),
    )
    const tabled = await repository(saves)
    const tables = [...tabled.image.blobs.keys()].filter((key) => key.startsWith('snapshots/index/'))
    expect(tables.length).toBeGreaterThan(0)
    await survey('snapshots, tables of packs', tabled, flips(tabled.image, tables))
  })

  test.each(SEALED)('at any place of %s is found or harmless, and all else goes on', async (what, open) => {
    const sealed = await repository(SAVES, open)
    const keys = [...sealed.image.blobs.keys()].filter((key) => !key.endsWith('keyring'))
    const blobs = new Map(await Promise.all(keys.map(async (key) => [key, await without(key, sealed)] as const)))
    expect([...blobs.values()].some(({ spared }) => spared.length > 0 && spared.length < sealed.states.size)).toBe(true)
    await survey(what, sealed, flips(sealed.image, keys, EVERY), async (image, key) => {
      const outcome = await look(image, sealed)
      await goOn(image, sealed, blobs.get(key) as DamagedBlob)
      return outcome
    })
  })
})
