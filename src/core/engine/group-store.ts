// Where the state of one group is kept: in a cell that many may change, or in a log of its changes with one owner.

import { StorageError } from '../base/errors.js'
import type { GroupBounds } from '../ports/stream-broker.js'
import type { GroupState } from './group-state.js'

export interface GroupStore {
  /** As it was last known here; undefined before the first use, and after a failure. */
  readonly known: GroupState | undefined
  /** A recovery could not tell where the group stood. */
  readonly rewound: GroupBounds['rewound']
  /** As it is stored now. Not to be changed. `missing` when the group was deleted. */
  read(): Promise<GroupState>
  /** Applies a change to the newest state and stores what it made; it may run several times. `missing` when the group was deleted. */
  update(change: (state: GroupState) => void): Promise<void>
  close(): Promise<void>
  /** After its cell: what else there is of it goes too, and all later calls are `missing`. */
  delete(): Promise<void>
}

export function deletedGroup(key: string): StorageError {
  return new StorageError('missing', 'the group was deleted', { operation: 'group', key })
}
