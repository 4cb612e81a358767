// Where the state of one group is kept: in a cell that many may change, or in a log of its changes with one owner.

import { StorageError } from '../base/errors.js'
import type { GroupState } from './group-state.js'

export interface GroupStore {
  /** As it was last known here; undefined before the first use, and after a failure. */
  readonly known: GroupState | undefined
  /** As it is stored now. Not to be changed. `missing` when the group was deleted. */
  read(): Promise<GroupState>
  /** Applies a change to the newest state and stores what it made; it may run several times. `missing` when the group was deleted. */
  update(change: (state: GroupState) => void): Promise<void>
  close(): Promise<void>
}

export function deletedGroup(key: string): StorageError {
  return new StorageError('missing', 'the group was deleted', { operation: 'group', key })
}
