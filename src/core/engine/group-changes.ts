// Changes of one group, of all its handles here: those that come while others are being stored are stored together by the
// next write, and the records that they may deliver are read in one go.

import type { Clock } from '../base/clock.js'
import { Latch } from '../base/latch.js'
import type { GroupBounds, GroupOrdering } from '../ports/stream-broker.js'
import { fetchFresh, type FreshRecord, type GroupSource } from './group-source.js'
import type { Fresh, GroupState } from './group-state.js'
import type { GroupStore } from './group-store.js'

export interface GroupChangesOptions {
  readonly source: GroupSource
  readonly store: GroupStore
  readonly clock: Clock
  readonly ordering: GroupOrdering
  /** Throws where nothing may be written. */
  readonly beforeWrite: () => undefined | Promise<void>
  readonly writable: boolean
}

/** What may be delivered for the first time, as far as was read. */
export interface Ahead {
  readonly fresh: Fresh<FreshRecord>
  /** First offset still held. */
  readonly first: number
  /** Why nothing could be read. */
  readonly error?: unknown
}

/** How much a change would like to deliver. */
export interface Demand {
  readonly limit: number
  readonly maxPending: number
}

interface WaitingChange {
  readonly apply: (state: GroupState, ahead: Ahead) => void
  readonly demand: Demand | undefined
  resolve(): void
  reject(error: unknown): void
}

/** How much can be delivered. */
interface Reach {
  readonly deadline: number
  readonly cursor: number
  readonly size: number
}

function reachOf({ nextDeadline = Number.POSITIVE_INFINITY, cursor, size }: GroupState): Reach {
  return { deadline: nextDeadline, cursor, size }
}

const NOTHING_AHEAD: Ahead = { fresh: { candidates: [], from: 0, to: 0 }, first: 0 }

export class GroupChanges {
  readonly #options: GroupChangesOptions
  readonly #latch = new Latch()
  #prepared: Promise<void> | undefined
  #rewound: GroupBounds['rewound']
  /** Of the log when its bounds were last read: goes with every cursor that is stored. */
  #epoch = 0
  /** Fewest that any handle here may leave pending. */
  #leastRoom = Number.POSITIVE_INFINITY
  #waiting: WaitingChange[] = []
  #storing: Promise<void> | undefined

  constructor(options: GroupChangesOptions) {
    this.#options = options
  }

  get rewound(): GroupBounds['rewound'] {
    return this.#rewound ?? this.#options.store.rewound
  }

  get ordering(): GroupOrdering {
    return this.#options.ordering
  }

  /** When anything that is pending may be delivered next, as far as is known here. */
  get nextDeadline(): number | undefined {
    return this.#options.store.known?.nextDeadline
  }

  /** Calls back when a change here may have made something deliverable. */
  listen(wake: () => void): () => void {
    return this.#latch.listen(wake)
  }

  /** Applies a change to the stored state and stores what it makes, together with others that wait. */
  async change<R>(run: (state: GroupState, ahead: Ahead) => R, demand?: Demand): Promise<R> {
    const writable = this.#options.beforeWrite()
    if (writable !== undefined) await writable
    await this.#prepare()
    return this.#enqueue(run, demand)
  }

  /** What is stored, behind all the changes that came before. */
  async read<R>(run: (state: GroupState) => R): Promise<R> {
    await this.#prepare()
    return this.#enqueue(run)
  }

  noteEpoch(epoch: number): void {
    this.#epoch = epoch
  }

  /** Resolves when all that was to be stored is. */
  async close(): Promise<void> {
    while (this.#storing !== undefined) await this.#storing
    await this.#options.store.close()
  }

  /** The same for a group that is no more. */
  async delete(): Promise<void> {
    while (this.#storing !== undefined) await this.#storing
    await this.#options.store.delete()
    this.#latch.wake()
  }

  async #enqueue<R>(run: (state: GroupState, ahead: Ahead) => R, demand?: Demand): Promise<R> {
    let result: R | undefined
    await new Promise<void>((resolve, reject) => {
      const apply = (state: GroupState, ahead: Ahead): void => {
        result = run(state, ahead)
      }
      this.#waiting.push({ apply, demand, resolve, reject })
      this.#storing ??= this.#store()
    })
    return result as R
  }

  async #store(): Promise<void> {
    await Promise.resolve() // callers of the same turn share the first write
    while (this.#waiting.length > 0) {
      const changes = this.#waiting
      this.#waiting = []
      try {
        await this.#storeAll(changes)
        for (const change of changes) change.resolve()
      } catch (error) {
        for (const change of changes) change.reject(error)
      }
    }
    this.#storing = undefined
  }

  async #storeAll(changes: readonly WaitingChange[]): Promise<void> {
    const ahead = await this.#lookAhead(changes)
    let isWakeful = false
    await this.#options.store.update((state) => {
      const before = reachOf(state)
      for (const change of changes) change.apply(state, ahead)
      isWakeful = state.isChanged && this.#mayDeliverMore(before, reachOf(state))
      if (state.isChanged) state.noteEpoch(this.#epoch)
    })
    if (isWakeful) this.#latch.wake()
  }

  /** An acknowledgement alone need wake nobody, unless there was no room. */
  #mayDeliverMore(before: Reach, after: Reach): boolean {
    const hasRoomAgain = before.size >= this.#leastRoom && after.size < before.size
    return after.deadline < before.deadline || after.cursor < before.cursor || hasRoomAgain
  }

  async #lookAhead(changes: readonly WaitingChange[]): Promise<Ahead> {
    const demands = changes.flatMap(({ demand }) => demand ?? [])
    if (demands.length === 0) return NOTHING_AHEAD
    const limit = demands.reduce((sum, demand) => sum + demand.limit, 0)
    const maxPending = Math.max(...demands.map((demand) => demand.maxPending))
    this.#leastRoom = Math.min(this.#leastRoom, ...demands.map((demand) => demand.maxPending))
    try {
      return await this.#read(limit, maxPending)
    } catch (error) {
      return { ...NOTHING_AHEAD, error }
    }
  }

  async #read(limit: number, maxPending: number): Promise<Ahead> {
    const { source, store, ordering, clock } = this.#options
    const { first, next, epoch } = await source.bounds()
    this.#epoch = epoch
    const state = store.known ?? (await store.read())
    const now = clock.now()
    const from = Math.max(state.cursor, first)
    const options = { ordering, now, limit: limit - state.freeAt(now), room: maxPending - state.size, next, from }
    return { fresh: await fetchFresh(source, state, options), first }
  }

  #prepare(): Promise<void> {
    this.#prepared ??= this.#checkEpoch().catch((error) => {
      this.#prepared = undefined
      throw error
    })
    return this.#prepared
  }

  /** A position past records that a recovery dropped goes back, and says so. */
  async #checkEpoch(): Promise<void> {
    const { store, source, beforeWrite, writable } = this.#options
    if (!writable) return
    const { cursor, epoch } = await store.read()
    const limit = await this.#rewindTo(cursor, epoch)
    if (limit >= cursor) return
    const bounds = await source.bounds()
    await beforeWrite()
    await store.update((state) => state.rewind(limit, bounds.epoch))
    this.#rewound = { from: cursor, to: limit }
  }

  async #rewindTo(cursor: number, epoch: number): Promise<number> {
    const { source } = this.#options
    if (source.rewindTo !== undefined) return source.rewindTo(cursor, epoch)
    return Math.min(cursor, (await source.bounds()).next)
  }
}
