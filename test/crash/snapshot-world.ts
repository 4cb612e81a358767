// Runs programs of snapshots, and notes what each step promised and when.

import { createHash } from 'node:crypto'
import { type Backend, openSnapshots, openStore, type SnapshotInfo, type Snapshots, type Store } from 'varve'
import { memory } from 'varve/adapters/memory'
import { ManualClock } from 'varve/testing'
import { withBlobs } from '../unit/snapshots/faulty-backend.js'
import { AGENT, type State, type Step, stateOf, TAG } from './snapshot-programs.js'

const NEVER = Number.POSITIVE_INFINITY
const BEGIN_MS = Date.UTC(2024, 0, 1)
const STEP_MS = 3_600_000

/** When, in operations of the disk. */
export interface Span {
  readonly begunAt: number
  doneAt: number
}

export interface SnapshotNote extends Span {
  readonly session: string
  readonly branch: string
  readonly contentHash: string
  readonly json: string
  info?: SnapshotInfo
  gone?: Span
  /** Changes of tag and pin since it was saved, oldest first. */
  readonly labels: (Span & { readonly info: SnapshotInfo })[]
}

export type AnyState = State | Uint8Array | { readonly n: number }

export interface OpenedSnapshots {
  readonly store: Store
  readonly snapshots: Snapshots<AnyState>
}

export async function openWorld(backend: Backend, now = BEGIN_MS): Promise<OpenedSnapshots> {
  const store = await openStore(backend, { clock: new ManualClock({ now }) })
  return { store, snapshots: await openSnapshots<AnyState>(store) }
}

/** Deletes of many keys happen one by one, the last first. */
export function oneByOne(backend: Backend): Backend {
  return withBlobs(backend, (blobs) => ({
    delete: async (keys, options) => {
      for (const key of [...keys].reverse()) await blobs.delete([key], options)
    },
  }))
}

/** As text, so that states can be compared. */
export function jsonOf(state: AnyState): string {
  return state instanceof Uint8Array ? Buffer.from(state).toString() : JSON.stringify(state)
}

export class SnapshotWorld {
  readonly notes: SnapshotNote[] = []
  readonly #connect: () => Backend
  readonly #count: () => number
  #opened: OpenedSnapshots | undefined
  #steps = 0

  /** `count` tells how many operations the disk has seen. */
  constructor(connect: () => Backend, count: () => number) {
    this.#connect = connect
    this.#count = count
  }

  /** What is there as far as is known: acknowledged, and not deleted. In the order in which they were saved. */
  get there(): readonly SnapshotNote[] {
    return this.notes.filter(({ info, gone }) => info !== undefined && gone === undefined)
  }

  async snapshots(): Promise<Snapshots<AnyState>> {
    this.#opened ??= await openWorld(this.#connect(), BEGIN_MS + STEP_MS * this.#steps)
    return this.#opened.snapshots
  }

  async close(): Promise<void> {
    const opened = this.#opened
    this.#opened = undefined
    await opened?.store.close()
  }

  /** What it answered, or undefined where it had nothing to do. */
  async run(step: Step): Promise<unknown> {
    this.#steps++
    if (step.kind === 'reopen') return await this.close()
    const snapshots = await this.snapshots()
    switch (step.kind) {
      case 'save':
        return await this.#save(step.session, step.branch, stateOf(step.state), (ref, state) => snapshots.save({ ...ref, state }))
      case 'stream': {
        const stream = new TextEncoder().encode(JSON.stringify(stateOf(step.state)))
        return await this.#save(step.session, 'streams', stream, (ref) => snapshots.save({ ...ref, stream: pieces(stream) }))
      }
      case 'saveMany':
        return await this.#saveMany(snapshots, step.sessions, step.state)
      case 'fork':
        return await this.#fork(snapshots, step)
      case 'tag':
      case 'untag':
      case 'pin':
      case 'unpin':
        return await this.#label(snapshots, step.kind, step.of)
      case 'delete':
        return await this.#delete(this.#pick(step.of), ({ id }) => snapshots.delete(id))
      case 'deleteSession':
        return await this.#deleteSession(snapshots, step.session)
      case 'prune':
        return await this.#prune(snapshots, step.last)
      case 'copy':
        return await this.#adopt(step.state, async (other) => await other.copy((this.#opened as OpenedSnapshots).store))
      case 'import':
        return await this.#adopt(step.state, async (other) => await snapshots.import(other.export()))
      case 'collect':
        return await snapshots.collect()
    }
  }

  async #save(
    session: string,
    branch: string,
    state: AnyState,
    run: (ref: { agent: string; session: string; branch: string }, state: AnyState) => Promise<SnapshotInfo>,
  ): Promise<SnapshotInfo> {
    const note = this.#note(session, branch, jsonOf(state))
    note.info = await run({ agent: AGENT, session, branch }, state)
    note.doneAt = this.#count()
    return note.info
  }

  async #saveMany(snapshots: Snapshots<AnyState>, sessions: readonly string[], first: number): Promise<readonly SnapshotInfo[]> {
    const states = sessions.map((_, at): AnyState => (sessions.length > 9 ? { n: first + at } : stateOf(first + at)))
    const notes = sessions.map((session, at) => this.#note(session, 'main', jsonOf(states[at] as AnyState)))
    const items = sessions.map((session, at) => ({ agent: AGENT, session, branch: 'main', state: states[at] as AnyState }))
    const infos = await snapshots.saveMany(items)
    for (const [at, note] of notes.entries()) {
      note.info = infos[at] as SnapshotInfo
      note.doneAt = this.#count()
    }
    return infos
  }

  async #fork(snapshots: Snapshots<AnyState>, { of, session, branch }: Extract<Step, { kind: 'fork' }>): Promise<unknown> {
    const source = this.#pick(of)
    if (source?.info === undefined) return undefined
    const { id } = source.info
    const note = this.#note(session, branch, source.json)
    note.info = await snapshots.fork(id, { agent: AGENT, session, branch })
    note.doneAt = this.#count()
    return note.info
  }

  async #label(snapshots: Snapshots<AnyState>, kind: 'tag' | 'untag' | 'pin' | 'unpin', of: number): Promise<unknown> {
    const note = this.#pick(of)
    if (note?.info === undefined) return undefined
    const { id, pinned: _pinned, ...info } = note.labels.at(-1)?.info ?? note.info
    const tags = kind === 'tag' ? [...new Set([...info.tags, TAG])] : kind === 'untag' ? info.tags.filter((tag) => tag !== TAG) : info.tags
    const isPinned = kind === 'pin' || (kind !== 'unpin' && _pinned === true)
    const label = { ...this.#begin(), info: { ...info, id, tags, ...(isPinned ? { pinned: true as const } : {}) } }
    note.labels.push(label)
    const answer = kind === 'tag' || kind === 'untag' ? await snapshots[kind](id, [TAG]) : await snapshots[kind](id)
    label.doneAt = this.#count()
    return answer
  }

  async #delete(note: SnapshotNote | undefined, run: (info: SnapshotInfo) => Promise<void>): Promise<void> {
    if (note?.info === undefined) return
    note.gone = this.#begin()
    await run(note.info)
    note.gone.doneAt = this.#count()
  }

  async #deleteSession(snapshots: Snapshots<AnyState>, session: string): Promise<void> {
    const going = this.there.filter((note) => note.session === session)
    for (const note of going) note.gone = this.#begin()
    await snapshots.delete({ agent: AGENT, session })
    for (const { gone } of going) if (gone !== undefined) gone.doneAt = this.#count()
  }

  async #prune(snapshots: Snapshots<AnyState>, last: number): Promise<unknown> {
    const { removed } = await snapshots.prune({ last }, { dryRun: true })
    const going = new Set(removed.map(({ id }) => id))
    const notes = this.there.filter(({ info }) => going.has(info?.id ?? ''))
    for (const note of notes) note.gone = this.#begin()
    const report = await snapshots.prune({ last })
    for (const { gone } of notes) if (gone !== undefined) gone.doneAt = this.#count()
    return report
  }

  /** Another store is made anew each time: what came from it and was deleted does not come back. */
  async #adopt(state: number, run: (other: Snapshots<AnyState>) => Promise<unknown>): Promise<unknown> {
    const other = await openWorld(memory(), BEGIN_MS + STEP_MS * this.#steps)
    const notes: SnapshotNote[] = []
    const ids: string[] = []
    for (const [at, session] of ['s', 't', 's', 't'].entries()) {
      const saved = stateOf(state + at)
      notes.push(this.#note(session, 'other', jsonOf(saved)))
      const { id } = await other.snapshots.save({ agent: AGENT, session, branch: 'other', state: saved, tags: [`from ${at}`] })
      ids.push(id)
    }
    const report = await run(other.snapshots)
    await other.store.close()
    const doneAt = this.#count()
    const { snapshots } = this.#opened as OpenedSnapshots
    for (const [at, note] of notes.entries()) {
      note.info = await snapshots.info(ids[at] as string)
      note.doneAt = doneAt
    }
    return report
  }

  #pick(of: number): SnapshotNote | undefined {
    const { there } = this
    return there[of % there.length]
  }

  #note(session: string, branch: string, json: string): SnapshotNote {
    const contentHash = createHash('sha256').update(json).digest('hex')
    const note: SnapshotNote = { ...this.#begin(), session, branch, contentHash, json, labels: [] }
    this.notes.push(note)
    return note
  }

  #begin(): Span {
    return { begunAt: this.#count(), doneAt: NEVER }
  }
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1_000) yield bytes.subarray(at, at + 1_000)
}
