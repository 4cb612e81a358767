// The state of a group in a log of its changes, where there are files with one owner: what is written for an acknowledgement
// does not grow with what is pending. From time to time the whole state is one of the records, and what lies before it goes.
// Nothing is opened, read or written before the group is used.

import { fromUtf8 } from '../base/bytes.js'
import { isStorageError, StorageError } from '../base/errors.js'
import type { GroupBounds, GroupOrdering, StreamRecord } from '../ports/stream-broker.js'
import type { Cell } from './cell.js'
import { definitionOf, type GroupDefinition, type StoredGroup } from './group-definition.js'
import type { GroupDelta } from './group-delta.js'
import { GroupState } from './group-state.js'
import { deletedGroup, type GroupStore } from './group-store.js'
import type { Journal } from './journal.js'
import type { Log } from './log.js'

const JSON_CODEC = 1
/** So much is written at least before the whole state is written again, and so many times what that takes. */
const LEAST_BYTES = 1024 * 1024
const TIMES_STATE = 4
/** Each session of a program leaves a segment: so many are read again at most. */
const MOST_SEGMENTS = 8
const READ_AT_ONCE = 1_000

/** The record that needs none before it: the first, and others from time to time. */
export interface WholeState extends GroupDelta {
  /** Which group's it is, should its cell be lost. */
  readonly of?: { readonly key: string; readonly ordering: GroupOrdering | undefined }
}

export interface ControlLog {
  readonly log: Log
  readonly journal: Journal
}

export interface GroupLogStoreOptions {
  readonly cell: Cell<StoredGroup>
  readonly key: string
  /** Of the group that is meant. */
  readonly id: string
  readonly ordering: GroupOrdering | undefined
  /** Does no I/O yet. */
  readonly openLog: () => ControlLog
  /** Deletes all of the log's files and blobs, once it is closed. */
  readonly removeLog: () => Promise<void>
  /** false: somebody else may be writing. */
  readonly writable: boolean
}

export class GroupLogStore implements GroupStore {
  readonly #options: GroupLogStoreOptions
  #opened: ControlLog | undefined
  #state: GroupState | undefined
  /** The cell knows that there is a log. */
  #isEntered = false
  #bytes = 0
  #stateBytes = 0
  #isWholeDue = false
  #rewound: GroupBounds['rewound']
  #ended: 'closed' | 'deleted' | undefined

  constructor(options: GroupLogStoreOptions) {
    this.#options = options
  }

  get known(): GroupState | undefined {
    return this.#state
  }

  get rewound(): GroupBounds['rewound'] {
    return this.#rewound
  }

  read(): Promise<GroupState> {
    if (this.#ended === 'deleted') return Promise.reject(deletedGroup(this.#options.key))
    if (this.#ended === 'closed') return Promise.reject(new StorageError('closed', 'the queue is closed', { operation: 'group' }))
    return this.#state !== undefined && this.#options.writable ? Promise.resolve(this.#state) : this.#load()
  }

  async update(change: (state: GroupState) => void): Promise<void> {
    const state = await this.read()
    change(state)
    const delta = state.takeDelta()
    if (delta === undefined) return
    try {
      await this.#store(state, delta)
    } catch (error) {
      this.#state = undefined // what is stored is read again
      throw error
    }
  }

  async close(): Promise<void> {
    this.#ended ??= 'closed'
    const opened = this.#opened
    this.#opened = undefined
    this.#state = undefined
    await opened?.journal.close()
  }

  async delete(): Promise<void> {
    this.#ended = 'deleted'
    await this.close()
    await this.#options.removeLog()
  }

  async #store(state: GroupState, delta: GroupDelta): Promise<void> {
    const isWhole = this.#isWholeDue || this.#bytes > Math.max(LEAST_BYTES, TIMES_STATE * this.#stateBytes)
    const value = JSON.stringify(isWhole ? this.#whole(state) : delta)
    const { log, journal } = this.#log()
    const { first } = await journal.append({ records: [{ value, codec: JSON_CODEC }] })
    if (!this.#isEntered) await this.#enter()
    this.#bytes += value.length
    if (isWhole) await this.#dropBefore(log, first, value.length)
  }

  #whole(state: GroupState): WholeState {
    return { ...state.snapshot(), of: { key: this.#options.key, ordering: this.#options.ordering } }
  }

  /** From then on a log that is gone is damage. */
  async #enter(): Promise<void> {
    await this.#options.cell.update((stored) => {
      const { rewound: _, ...definition } = this.#definition(stored)
      return { ...definition, isLogged: true }
    })
    this.#isEntered = true
  }

  /** What cannot be dropped now costs space until the next time. */
  async #dropBefore(log: Log, offset: number, stateBytes: number): Promise<void> {
    this.#isWholeDue = false
    this.#bytes = 0
    this.#stateBytes = stateBytes
    if (offset === 0) return
    await log.trim(offset).catch((error) => {
      if (!isStorageError(error) || error.code === 'fenced') throw error
    })
  }

  async #load(): Promise<GroupState> {
    const definition = this.#definition((await this.#options.cell.read()).value)
    const { log, journal } = this.#log()
    const { first, next } = await journal.bounds()
    if (definition.isLogged === true && next === 0) {
      throw new StorageError('corrupt', 'what was stored of a group is gone', { operation: 'group', key: this.#options.key })
    }
    const folding = new Folding(GroupState.of(definition.state))
    for (let at = first; at < next; at = folding.next) folding.add(await journal.read({ from: at, limit: READ_AT_ONCE }), next)
    if (folding.next < next) folding.add([], next)
    this.#isEntered = definition.isLogged === true
    this.#bytes = folding.bytes
    this.#stateBytes = folding.stateBytes
    this.#isWholeDue = next === 0 || folding.isBroken || (await log.stats()).segments > MOST_SEGMENTS
    this.#rewound = folding.rewound ?? definition.rewound
    this.#state = folding.state
    return folding.state
  }

  #log(): ControlLog {
    this.#opened ??= this.#options.openLog()
    return this.#opened
  }

  #definition(stored: StoredGroup | undefined): GroupDefinition {
    const definition = stored === undefined ? undefined : definitionOf(stored)
    if (definition === undefined || definition.id !== this.#options.id) throw deletedGroup(this.#options.key)
    return definition
  }
}

/** Changes applied one after the other. Behind a gap, which a repair leaves, they fit only from the next whole state on. */
class Folding {
  readonly state: GroupState
  next = 0
  bytes = 0
  stateBytes = 0
  isBroken = false
  /** As far as changes show that do not fit. */
  #reached = 0

  constructor(state: GroupState) {
    this.state = state
  }

  /** Where the group may have stood, and what is known of it; undefined where nothing was lost. */
  get rewound(): GroupBounds['rewound'] {
    return this.isBroken ? { from: Math.max(this.#reached, this.state.cursor), to: this.state.floor } : undefined
  }

  /** None: there are none up to `end`. */
  add(records: readonly StreamRecord[], end: number): void {
    for (const { offset, value } of records) {
      const delta = JSON.parse(fromUtf8(value as Uint8Array)) as GroupDelta
      this.bytes += value?.length ?? 0
      if (delta.reset === true) this.#begin(value?.length ?? 0)
      else if (offset !== this.next) this.isBroken = true
      if (this.isBroken) this.#reached = Math.max(this.#reached, delta.cursor)
      else this.state.apply(delta)
      this.next = offset + 1
    }
    if (records.length > 0) return
    this.isBroken = true
    this.next = end
  }

  #begin(bytes: number): void {
    this.isBroken = false
    this.#reached = 0
    this.bytes = 0
    this.stateBytes = bytes
  }
}
