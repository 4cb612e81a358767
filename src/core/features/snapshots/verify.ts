// Verifying what is stored, as deep as asked for, with a budget and a place to go on from. Damage becomes a line of the report;
// only a store that cannot be read throws.

import { StorageError } from '../../base/errors.js'
import { isDamage, missing } from './damage.js'
import { adoptedKey, manifestKey } from './layout.js'
import type { SnapshotPlace } from './place.js'
import type { SessionState } from './session.js'
import { nameOfCell, SnapshotIndex } from './snapshot-index.js'
import type { Summary } from './summary.js'
import type { SnapshotProblem, SnapshotReport, VerifyLevel, VerifyOptions } from './upkeep-types.js'
import { ContentChecker } from './verify-content.js'
import { checkManifest, checkSession, strayManifests } from './verify-session.js'
import { damagedTables, packsAfter, checkPack } from './verify-packs.js'
import { problemOf } from './verify-problem.js'

export const LEVELS: readonly VerifyLevel[] = ['chain', 'manifests', 'packs', 'hashes', 'chunks', 'restore']

/** Where a run stopped: in a session, before the manifests that no session refers to, or among the packs. */
type Cursor = { readonly key: string; readonly below: number } | 'strays' | { readonly pack: string }

/** Of one snapshot, or of the whole store. `invalid` for what is no id, a level that there is not, or a cursor of another level. */
export async function verify(place: SnapshotPlace, id: string | undefined, options: VerifyOptions): Promise<SnapshotReport> {
  if (id !== undefined && typeof id !== 'string') {
    throw new StorageError('invalid', 'a snapshot is named by its id', { operation: 'verify', facts: { type: typeof id } })
  }
  const { level = 'restore', budgetBytes = Number.POSITIVE_INFINITY } = options
  if (!LEVELS.includes(level) || !(budgetBytes > 0)) {
    const facts = { level: String(level), budgetBytes }
    throw new StorageError('invalid', `level is one of ${LEVELS.join(', ')}, budgetBytes more than 0`, { operation: 'verify', facts })
  }
  const cursor = options.cursor === undefined ? undefined : parseCursor(options.cursor, level)
  const run = new Verification(place, level, { ...options, budgetBytes })
  return id === undefined ? await run.all(cursor) : await run.one(id)
}

class Verification {
  readonly #place: SnapshotPlace
  readonly #level: VerifyLevel
  readonly #options: VerifyOptions & { readonly budgetBytes: number }
  readonly #contents: ContentChecker
  readonly #problems: SnapshotProblem[] = []
  readonly #manifests = new Set<string>()
  #packBytes = 0
  #manifestBytes = 0
  #checked = 0

  constructor(place: SnapshotPlace, level: VerifyLevel, options: VerifyOptions & { readonly budgetBytes: number }) {
    // Nothing that was read before counts.
    this.#place = { ...place, packs: place.unread(), index: new SnapshotIndex(place.context.backend, place.context.clock) }
    this.#level = level
    this.#options = options
    this.#contents = new ContentChecker(this.#place, level, options.signal)
  }

  async one(id: string): Promise<SnapshotReport> {
    const { signal } = this.#options
    await this.#guard({ id }, async () => {
      const located = await this.#place.index.locate(id, signal)
      if (located === undefined) throw missing({ id })
      await this.#snapshot(located.state, located.summary, new Map([[located.summary.index, located.summary.hash]]))
      if (this.#level !== 'hashes') return
      for (const pack of this.#contents.packs) await this.#pack(pack)
    })
    return this.#report(undefined)
  }

  async all(from: Cursor | undefined): Promise<SnapshotReport> {
    if (from === undefined && this.#reaches('manifests')) this.#problems.push(...(await damagedTables(this.#place)))
    const isAmongPacks = typeof from === 'object' && 'pack' in from
    if (from === undefined || (typeof from === 'object' && 'key' in from)) {
      const stopped = await this.#sessions(from)
      if (stopped !== undefined) return this.#report(stopped)
    }
    if (!isAmongPacks && this.#reaches('manifests')) {
      if (this.#bytes() >= this.#options.budgetBytes) return this.#report(`${this.#level}/m`)
      this.#problems.push(...(await strayManifests(this.#place, this.#manifests)))
    }
    return this.#report(this.#reaches('hashes') ? await this.#packs(isAmongPacks ? from.pack : '') : undefined)
  }

  async #sessions(from: { readonly key: string; readonly below: number } | undefined): Promise<string | undefined> {
    const { signal } = this.#options
    for await (const { key } of this.#place.index.cells(signal === undefined ? {} : { signal })) {
      if (from !== undefined && key < from.key) continue
      const below = from?.key === key ? from.below : Number.POSITIVE_INFINITY
      let stopped: string | undefined
      await this.#guard({ id: nameOfCell(key), key }, async () => {
        stopped = await this.#session(key, below)
      })
      if (stopped !== undefined) return stopped
    }
    return undefined
  }

  async #session(key: string, below: number): Promise<string | undefined> {
    const found = await checkSession(this.#place, key, this.#options.signal)
    if (found === undefined) return undefined
    if (below === Number.POSITIVE_INFINITY) this.#problems.push(...found.problems)
    for (const summary of found.summaries) {
      if (summary.index >= below) continue
      await this.#snapshot(found.state, summary, found.hashes)
      if (this.#bytes() >= this.#options.budgetBytes) return `${this.#level}/s/${summary.index}/${key}`
    }
    return undefined
  }

  async #snapshot(state: SessionState, summary: Summary, hashes: ReadonlyMap<number, string>): Promise<void> {
    const { signal, onProgress } = this.#options
    signal?.throwIfAborted()
    this.#checked++
    this.#manifests.add(summary.attempt === undefined ? manifestKey(summary.id) : adoptedKey(summary.id, summary.attempt))
    try {
      const manifest = await checkManifest(this.#place, { state, summary, hashes }, signal)
      // About as many as it is stored in.
      this.#manifestBytes += JSON.stringify(manifest).length
      if (this.#reaches('packs')) await this.#contents.check(manifest)
    } catch (error) {
      if (!isDamage(error)) throw error
      if ((await this.#place.index.locateIn(state, summary, signal)) === undefined) this.#checked--
      else this.#problems.push(await this.#contents.explain(summary, error))
    }
    onProgress?.({ phase: 'verify', doneBytes: this.#bytes(), done: this.#checked })
  }

  async #packs(after: string): Promise<string | undefined> {
    for (const pack of await packsAfter(this.#place, after)) {
      await this.#pack(pack)
      if (this.#bytes() >= this.#options.budgetBytes) return `${this.#level}/p/${pack}`
    }
    return undefined
  }

  /** What a snapshot was found to lack because of it is not said twice. */
  async #pack(pack: string): Promise<void> {
    this.#options.signal?.throwIfAborted()
    const { bytes, problem } = await checkPack(this.#place, pack)
    this.#packBytes += bytes
    if (problem !== undefined && !this.#problems.some(({ key }) => key === problem.key)) this.#problems.push(problem)
    this.#options.onProgress?.({ phase: 'verify', doneBytes: this.#bytes(), done: this.#checked })
  }

  async #guard(at: { readonly id: string; readonly key?: string }, run: () => Promise<void>): Promise<void> {
    try {
      await run()
    } catch (error) {
      this.#problems.push(problemOf(at, error))
    }
  }

  #reaches(level: VerifyLevel): boolean {
    return LEVELS.indexOf(this.#level) >= LEVELS.indexOf(level)
  }

  #bytes(): number {
    return this.#place.index.pages.readBytes + this.#packBytes + this.#manifestBytes + this.#contents.bytes
  }

  #report(cursor: string | undefined): SnapshotReport {
    const report = { ok: this.#problems.length === 0, checked: this.#checked, problems: this.#problems }
    return cursor === undefined ? report : { ...report, cursor }
  }
}

function parseCursor(cursor: string, level: VerifyLevel): Cursor {
  const [, own, index, key, pack] = /^([a-z]+)\/(?:s\/(\d+)\/(.+)|m|p\/([0-9a-f]{64}))$/s.exec(String(cursor)) ?? []
  if (own !== level) throw new StorageError('invalid', 'the cursor is not of such a run', { operation: 'verify', facts: { cursor, level } })
  if (pack !== undefined) return { pack }
  return key === undefined ? 'strays' : { key, below: Number(index) }
}
