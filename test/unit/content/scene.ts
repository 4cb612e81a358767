// A small world of sessions over packs: writers that save, fork, forget and load by the rules that a collection counts on, and
// gates at which a call to the store waits until the test lets it go on.

import { concatBytes, utf8 } from '../../../dist/core/base/bytes.js'
import { sha256Hex } from '../../../dist/core/codec/hash.js'
import { Cell } from '../../../dist/core/engine/cell.js'
import { type CollectedSessions, type CollectReport, collect, type RootedSnapshot } from '../../../dist/core/engine/content/collect.js'
import type { ContentNode, ContentPart } from '../../../dist/core/engine/content/content.js'
import { storeNode } from '../../../dist/core/engine/content/node-builder.js'
import type { PackBatch } from '../../../dist/core/engine/content/pack-batch.js'
import type { PackStore } from '../../../dist/core/engine/content/pack-store.js'
import { readContent } from '../../../dist/core/engine/content/read-content.js'
import type { BlobStore } from '../../../dist/core/ports/blob-store.js'
import { ManualClock } from '../../../dist/testing/manual-clock.js'
import { keysOf, PATH, packs } from './packs.js'

interface Entry {
  readonly id: string
  readonly root: ContentNode
  readonly hash: string
}

interface Session {
  readonly swept: number
  readonly entries: readonly Entry[]
}

export const PACK_BYTES = 4096
const SESSIONS = `${PATH}/sessions/`
const PARTS_A_NODE = 3

export class Writer {
  readonly store: PackStore
  readonly #blobs: BlobStore
  readonly #clock: ManualClock
  attempts = 0

  constructor(blobs: BlobStore, clock: ManualClock) {
    this.#blobs = blobs
    this.#clock = clock
    this.store = packs(blobs, { packBytes: PACK_BYTES })
  }

  /** The texts one after the other are the state. */
  async save(session: string, id: string, texts: readonly string[]): Promise<void> {
    const hash = await sha256Hex(utf8(texts.join('')))
    await this.#commit(session, async (batch) => ({ id, root: await storeTexts(texts, batch), hash }))
  }

  async fork(from: string, to: string, id: string, newId: string): Promise<void> {
    await this.#ensure(to)
    for (;;) {
      const batch = await this.store.begin()
      const source = await this.read(from)
      const entry = source.entries.find((one) => one.id === id)
      if (entry === undefined) throw new Error(`no ${id}`)
      if (source.swept < batch.epoch) {
        const text = await this.#text(entry)
        await this.save(to, newId, [text])
        return
      }
      if (await this.#append(to, { ...entry, id: newId }, source.swept)) return
    }
  }

  async forget(session: string, isGone: (id: string) => boolean): Promise<void> {
    await this.#cell(session).update((state) => state && { ...state, entries: state.entries.filter(({ id }) => !isGone(id)) })
  }

  async read(session: string): Promise<Session> {
    return (await this.#cell(session).read()).value ?? { swept: 0, entries: [] }
  }

  async load(session: string, id: string): Promise<string | undefined> {
    const entry = (await this.read(session)).entries.find((one) => one.id === id)
    return entry === undefined ? undefined : await this.#text(entry)
  }

  async #text({ root, hash }: Entry): Promise<string> {
    const content = { root, bytes: root.bytes, contentHash: hash, codec: 0 }
    return new TextDecoder().decode(await readContent(this.store, content))
  }

  async #commit(session: string, make: (batch: PackBatch) => Promise<Entry>): Promise<void> {
    await this.#ensure(session)
    for (;;) {
      this.attempts++
      const batch = await this.store.begin()
      const entry = await make(batch)
      await batch.finish()
      if (await this.#append(session, entry, batch.epoch)) return
    }
  }

  async #append(session: string, entry: Entry, epoch: number): Promise<boolean> {
    let isDone = false
    await this.#cell(session).update((state) => {
      isDone = state !== undefined && state.swept <= epoch
      return isDone && state !== undefined ? { ...state, entries: [...state.entries, entry] } : undefined
    })
    return isDone
  }

  async #ensure(session: string): Promise<void> {
    const { epoch } = await this.store.begin()
    await this.#cell(session).update((state) => (state === undefined ? { swept: epoch, entries: [] } : undefined))
  }

  #cell(session: string): Cell<Session> {
    return new Cell<Session>({ blobs: this.#blobs, clock: this.#clock, key: SESSIONS + session })
  }
}

async function storeTexts(texts: readonly string[], batch: PackBatch): Promise<ContentNode> {
  const parts: ContentPart[] = []
  for (let at = 0; at < texts.length; at += PARTS_A_NODE) {
    const own: ContentPart[] = []
    for (const text of texts.slice(at, at + PARTS_A_NODE)) own.push({ leaf: await batch.put('leaf', utf8(text)), bytes: utf8(text).length })
    const node = bytesNode(own)
    parts.push({ branch: await storeNode(node, batch), bytes: node.bytes })
  }
  return bytesNode(parts)
}

function bytesNode(parts: readonly ContentPart[]): ContentNode {
  return { kind: 'bytes', parts, bytes: parts.reduce((sum, part) => sum + ('bytes' in part ? (part.bytes ?? 0) : 0), 0) }
}

export function collecting(
  blobs: BlobStore,
  options: { readonly dryRun?: boolean; readonly maxBytes?: number; readonly clock?: ManualClock } = {},
): Promise<CollectReport> {
  const clock = options.clock ?? new ManualClock()
  const store = packs(blobs, { packBytes: PACK_BYTES })
  return collect({ ...options, blobs, clock, path: PATH, packs: store, sessions: sessionsOf(blobs, clock) })
}

function sessionsOf(blobs: BlobStore, clock: ManualClock): CollectedSessions {
  const rooted = (key: string, { id, root }: Entry): RootedSnapshot => ({
    id: `${key}/${id}`,
    load: async () => root,
    isGone: async () => false,
  })
  let latestStamp = 0
  return {
    async *each() {
      for (const key of await keysOf(blobs, SESSIONS)) {
        const { value } = await new Cell<Session>({ blobs, clock, key }).read()
        latestStamp = Math.max(latestStamp, value?.swept ?? 0)
        yield (value?.entries ?? []).map((entry) => rooted(key, entry))
      }
    },
    latestStamp: () => latestStamp,
    async *stamp(epoch) {
      for (const key of await keysOf(blobs, SESSIONS)) {
        const state = await new Cell<Session>({ blobs, clock, key }).update((old) => old && { ...old, swept: Math.max(old.swept, epoch) })
        yield (state?.entries ?? []).map((entry) => rooted(key, entry))
      }
    },
    leftovers: async () => new Map(),
    unreferenced: async () => [],
  }
}

/** Stops who comes to it until it is opened. */
export class Gate {
  readonly #arrived: Promise<void>
  readonly #opened: Promise<void>
  #arrive = (): void => {}
  open = (): void => {}

  constructor() {
    this.#arrived = new Promise((resolve) => {
      this.#arrive = resolve
    })
    this.#opened = new Promise((resolve) => {
      this.open = resolve
    })
  }

  /** What has to wait calls this. */
  async pass(): Promise<void> {
    this.#arrive()
    await this.#opened
  }

  /** Until somebody waits. */
  reached(): Promise<void> {
    return this.#arrived
  }
}

/** All blobs of one store, put into another. */
export async function copyBlobs(from: BlobStore, to: BlobStore): Promise<void> {
  for await (const { key } of from.list()) {
    const blob = await from.get(key)
    if (blob !== undefined) await to.put(key, concatBytes([blob.data]))
  }
}
