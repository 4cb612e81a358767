// The cell of a group: what is fixed when it is created, and the state that it begins with, or where there are no files all
// of its state. Groups of the first versions are read as they were stored, without an identity.

import { toHex } from '../base/bytes.js'
import { StorageError } from '../base/errors.js'
import { newSalt } from '../codec/envelope.js'
import type { GroupOrdering, GroupPortOptions } from '../ports/stream-broker.js'
import type { Cell } from './cell.js'
import type { GroupDelta } from './group-delta.js'

export interface GroupDefinition {
  readonly format: 2
  /** Random: a group that is deleted and made again is another one. Empty: stored before there were any. */
  readonly id: string
  /** undefined after a recovery that could not tell it: that of whoever opens it next. */
  readonly ordering: GroupOrdering | undefined
  readonly state: GroupDelta
  /** The state goes on in a log. */
  readonly isLogged?: true
  /** A recovery could not tell where it stood: to be told until something is stored. */
  readonly rewound?: { readonly from: number; readonly to: number }
}

/** As the first versions stored it. */
interface FirstFormat {
  readonly format?: undefined
  readonly epoch: number
  readonly cursor: number
  readonly pending: readonly { offset: number; attempt: number; consumer: string; deadline: number; grantedMs: number }[]
}

/** As it lies in a cell. */
export type StoredGroup = GroupDefinition | FirstFormat

/** `unsupported` where a newer version stored it. */
export function definitionOf(stored: StoredGroup): GroupDefinition {
  const format: number | undefined = stored.format
  if (stored.format === 2) return stored
  if (format !== undefined) throw new StorageError('unsupported', 'a newer version stored this group', { facts: { format } })
  const { epoch, cursor, pending } = stored
  const set = pending.map(({ offset, attempt, consumer, deadline, grantedMs }) => {
    const isOut = deadline > 0
    return [offset, 1, attempt, consumer, deadline, isOut ? grantedMs : 0, isOut ? 1 : 0] as const
  })
  return { format: 2, id: '', ordering: 'none', state: { reset: true, epoch, cursor, set } }
}

export interface DefineOptions extends Pick<GroupPortOptions, 'ordering' | 'create'> {
  /** Where a new group begins, and the epoch of the log. */
  readonly begin: () => Promise<Pick<GroupDelta, 'epoch' | 'cursor'>>
  /** undefined where nothing may be written. */
  readonly beforeWrite: (() => Promise<void>) | undefined
}

/**
 * What the group is; made where there is none. undefined: there is none, and nothing may be written. `missing` and
 * `conflict` as `create` says, `invalid` for another ordering than is stored.
 */
export async function defineGroup(cell: Cell<StoredGroup>, options: DefineOptions): Promise<GroupDefinition | undefined> {
  const { create, ordering, beforeWrite } = options
  const { value } = await cell.read()
  const known = value === undefined ? undefined : definitionOf(value)
  if (known === undefined && create === false) throw refusal('missing', 'there is no such group', {})
  if (known !== undefined && create === 'new') throw refusal('conflict', 'there is such a group already', {})
  checkOrdering(known, ordering)
  if (beforeWrite === undefined || isComplete(known)) return known
  await beforeWrite()
  const id = newGroupId()
  const begin = known?.state ?? { reset: true, ...(await options.begin()) }
  const stored = await cell.update((stored) => {
    const now = stored === undefined ? undefined : definitionOf(stored)
    if (isComplete(now)) return undefined
    const isNamed = now !== undefined && now.id !== ''
    return { format: 2, state: begin, ...now, id: isNamed ? now.id : id, ordering: now?.ordering ?? ordering ?? 'none' }
  })
  const defined = definitionOf(stored as StoredGroup)
  if (create === 'new' && defined.id !== id) throw refusal('conflict', 'there is such a group already', {})
  checkOrdering(defined, ordering)
  return defined
}

function isComplete(known: GroupDefinition | undefined): boolean {
  return known !== undefined && known.id !== '' && known.ordering !== undefined
}

export function newGroupId(): string {
  return toHex(newSalt(8))
}

function checkOrdering(known: GroupDefinition | undefined, ordering: GroupOrdering | undefined): void {
  if (known?.ordering === undefined || ordering === undefined || ordering === known.ordering) return
  throw refusal('invalid', 'the ordering of a group is fixed when it is created', { ordering, stored: known.ordering })
}

function refusal(code: 'missing' | 'conflict' | 'invalid', message: string, facts: Record<string, unknown>): StorageError {
  return new StorageError(code, message, { operation: 'group', facts })
}
