// Groups over journals: the state of each is one cell beside its log.

import { Cell } from '../engine/cell.js'
import { floorOf, type GroupState } from '../engine/group-state.js'
import type { Journal } from '../engine/journal.js'
import { JournalGroup } from '../engine/journal-group.js'
import type { GroupPort, GroupPortOptions } from '../ports/stream-broker.js'
import type { StoreContext } from './store-context.js'

export interface OpenGroupOptions extends GroupPortOptions {
  readonly journal: Journal
  /** Of the blob that keeps the state. */
  readonly key: string
}

/** Creates the state where there is none, unless the store is only read. */
export async function openGroup(context: StoreContext, { journal, key, ...options }: OpenGroupOptions): Promise<GroupPort> {
  const beforeWrite = async (): Promise<void> => context.writable('group')
  const group = new JournalGroup({ ...options, journal, cell: cellOf(context, key), clock: context.clock, beforeWrite })
  if (context.mode === 'write') await group.create()
  return group
}

/** Below this offset all is acknowledged; 0 for a group that does not exist. */
export async function committedIn(context: StoreContext, key: string): Promise<number> {
  const { value } = await cellOf(context, key).read()
  return value === undefined ? 0 : floorOf(value)
}

function cellOf({ backend, clock }: StoreContext, key: string): Cell<GroupState> {
  return new Cell({ blobs: backend.blobs, clock, key })
}
