// Groups over a journal, or over any record stream beside a store of blobs: one cell each, shared by all its handles here.

import type { Clock } from '../base/clock.js'
import { StorageError } from '../base/errors.js'
import { keyComponent, unescapeName } from '../base/key.js'
import { Cell } from '../engine/cell.js'
import { GroupCellStore, type GroupCellStoreOptions } from '../engine/group-cell-store.js'
import { GroupChanges } from '../engine/group-changes.js'
import { defineGroup, definitionOf, type GroupDefinition, type StoredGroup } from '../engine/group-definition.js'
import type { GroupSource } from '../engine/group-source.js'
import { GroupState } from '../engine/group-state.js'
import type { GroupStore } from '../engine/group-store.js'
import { JournalGroup } from '../engine/journal-group.js'
import type { BlobStore } from '../ports/blob-store.js'
import type { GroupPort, GroupPortOptions } from '../ports/stream-broker.js'

export interface StreamGroupsOptions {
  /** With conditional put. */
  readonly blobs: BlobStore
  readonly clock: Clock
  /** Of the stream: all that groups keep is below. */
  readonly path: string
  /** false: nothing is created, and every change is refused by `beforeWrite`. */
  readonly writable: boolean
  readonly beforeWrite: () => undefined | Promise<void>
  /** Where the state of a group is kept; default its cell. */
  readonly openStore?: OpenGroupStore | undefined
}

export type OpenGroupStore = (options: GroupCellStoreOptions) => GroupStore

/** A group that is open here, for all its handles. */
interface OpenGroup {
  readonly id: string
  readonly changes: GroupChanges
}

/** The groups of one stream. */
export class StreamGroups {
  readonly #source: GroupSource
  readonly #options: StreamGroupsOptions
  readonly #open = new Map<string, OpenGroup>()
  #isClosed = false

  constructor(source: GroupSource, options: StreamGroupsOptions) {
    this.#source = source
    this.#options = options
  }

  /** As `RecordStream.group`. */
  async open(name: string, options: GroupPortOptions = {}): Promise<GroupPort> {
    const { clock, writable, beforeWrite } = this.#options
    const cell = this.#cell(name)
    const begin = async (): Promise<{ epoch: number; cursor: number }> => {
      return { epoch: (await this.#source.bounds()).epoch, cursor: options.from ?? 0 }
    }
    const waitToWrite = writable ? async (): Promise<void> => beforeWrite() : undefined
    const { ordering, create, visibilityMs, maxPending } = options
    const definition = await defineGroup(cell, { ordering, create, begin, beforeWrite: waitToWrite })
    const changes =
      definition === undefined
        ? this.#changes(absentGroup(options.from ?? 0), { ordering: 'none' })
        : this.#opened(name, cell, definition).changes
    return new JournalGroup({ source: this.#source, changes, clock, visibilityMs, maxPending })
  }

  async names(): Promise<readonly string[]> {
    const prefix = this.#key('')
    const names: string[] = []
    for await (const { key } of this.#options.blobs.list({ prefix })) names.push(unescapeName(key.slice(prefix.length)))
    return names
  }

  /** Its handles answer `missing` from then on; a group that is made again under its name shares nothing with it. */
  async delete(name: string): Promise<void> {
    const cell = this.#cell(name)
    const { value } = await cell.read()
    if (value === undefined) return
    const { changes } = this.#opened(name, cell, definitionOf(value))
    this.#open.delete(name)
    await this.#options.blobs.delete([this.#key(name)])
    await changes.delete()
  }

  /** Below this offset all is acknowledged, as it is stored now; 0 for a group that does not exist. */
  async committed(name: string): Promise<number> {
    const cell = this.#cell(name)
    const { value } = await cell.read()
    if (value === undefined) return 0
    return this.#opened(name, cell, definitionOf(value)).changes.read(({ floor }) => floor)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const open = [...this.#open.values()]
    this.#open.clear()
    const results = await Promise.allSettled(open.map(({ changes }) => changes.close()))
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  /** The open one, unless it was deleted and made again elsewhere. */
  #opened(name: string, cell: Cell<StoredGroup>, definition: GroupDefinition): OpenGroup {
    if (this.#isClosed) throw new StorageError('closed', 'the queue is closed', { operation: 'group' })
    const known = this.#open.get(name)
    if (known?.id === definition.id) return known
    const storeOptions = { cell, key: this.#key(name), id: definition.id, ordering: definition.ordering }
    const store = this.#options.openStore?.(storeOptions) ?? new GroupCellStore(storeOptions)
    const open = { id: definition.id, changes: this.#changes(store, definition) }
    this.#open.set(name, open)
    return open
  }

  #changes(store: GroupStore, { ordering }: Pick<GroupDefinition, 'ordering'>): GroupChanges {
    const { clock, beforeWrite, writable } = this.#options
    return new GroupChanges({ source: this.#source, store, clock, ordering: ordering ?? 'none', beforeWrite, writable })
  }

  #cell(name: string): Cell<StoredGroup> {
    const { blobs, clock } = this.#options
    return new Cell({ blobs, clock, key: this.#key(name) })
  }

  #key(name: string): string {
    return `${this.#options.path}/group/${keyComponent('g', name)}`
  }
}

/** What a reader sees of a group that there is none of. */
function absentGroup(cursor: number): GroupStore {
  const begin = (): GroupState => new GroupState({ epoch: 0, cursor })
  return {
    known: undefined,
    rewound: undefined,
    read: async () => begin(),
    update: async (change) => change(begin()),
    close: async () => {},
    delete: async () => {},
  }
}
