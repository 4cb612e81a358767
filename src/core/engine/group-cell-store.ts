// The state of a group in the cell that defines it: all of it is written with each change, by whoever makes it.

import type { GroupBounds, GroupOrdering } from '../ports/stream-broker.js'
import type { Cell } from './cell.js'
import { definitionOf, type GroupDefinition, type StoredGroup } from './group-definition.js'
import { GroupState } from './group-state.js'
import { deletedGroup, type GroupStore } from './group-store.js'

export interface GroupCellStoreOptions {
  readonly cell: Cell<StoredGroup>
  readonly key: string
  /** Of the group that is meant. */
  readonly id: string
  readonly ordering: GroupOrdering | undefined
}

export class GroupCellStore implements GroupStore {
  readonly #options: GroupCellStoreOptions
  /** What `#version` of the cell says; with no version: changed, and not stored. */
  #state: GroupState | undefined
  #version: string | undefined
  #rewound: GroupBounds['rewound']

  constructor(options: GroupCellStoreOptions) {
    this.#options = options
  }

  get known(): GroupState | undefined {
    return this.#state
  }

  get rewound(): GroupBounds['rewound'] {
    return this.#rewound
  }

  async read(): Promise<GroupState> {
    const { value } = await this.#options.cell.read()
    const definition = this.#definition(value)
    this.#rewound = definition.rewound
    return this.#stateOf(definition)
  }

  async update(change: (state: GroupState) => void): Promise<void> {
    const { cell } = this.#options
    let made: StoredGroup | undefined
    try {
      const now = await cell.update((stored) => {
        made = undefined
        const { rewound: _, ...definition } = this.#definition(stored)
        const state = this.#stateOf(definition)
        change(state)
        if (state.takeDelta() === undefined) return undefined
        this.#version = undefined
        made = { ...definition, state: state.snapshot() }
        return made
      })
      // Where an answer was lost, others may have written behind it: then this is not what the version says.
      this.#version = made === undefined || made === now ? cell.version : undefined
    } catch (error) {
      this.#state = undefined
      throw error
    }
  }

  async close(): Promise<void> {}

  async delete(): Promise<void> {}

  #definition(stored: StoredGroup | undefined): GroupDefinition {
    const definition = stored === undefined ? undefined : definitionOf(stored)
    if (definition === undefined || definition.id !== this.#options.id) throw deletedGroup(this.#options.key)
    return definition
  }

  #stateOf(definition: GroupDefinition): GroupState {
    const { version } = this.#options.cell
    if (this.#state === undefined || this.#version === undefined || version !== this.#version) {
      this.#state = GroupState.of(definition.state)
      this.#version = version
    }
    return this.#state
  }
}
