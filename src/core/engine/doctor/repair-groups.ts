// Groups whose positions were damaged go on from the last state that is certain, and say how far that is behind.

import { isStorageError } from '../../base/errors.js'
import { fromUtf8 } from '../../base/bytes.js'
import type { FileStore } from '../../ports/file-store.js'
import { Cell } from '../cell.js'
import { FileLog } from '../file-log.js'
import { newGroupId, type GroupDefinition, type StoredGroup } from '../group-definition.js'
import type { WholeState } from '../group-log-store.js'
import { historyKey, Journal } from '../journal.js'
import { controlPlace, type FoundGroup, type GroupsExamination, type GroupsPlace, pathOf } from './examine-groups.js'
import type { FileLogPlace } from './file-log-place.js'
import { copyAside, copyBlobAside, type Quarantine } from './quarantine.js'
import { repairFileLog } from './repair-file-log.js'

/** Of the log that they deliver from, after its own repair. */
export interface LogBounds {
  readonly first: number
  readonly next: number
}

export async function repairGroups(
  place: GroupsPlace,
  { lost, damagedLogs, strays }: GroupsExamination,
  bounds: LogBounds,
  quarantine?: Quarantine,
): Promise<void> {
  for (const { place: at, found } of damagedLogs) await repairFileLog(at, found, quarantine)
  const { files } = place
  const owned = files === undefined || lost.length === 0 ? new Map<string, Owned>() : await ownersOf({ ...place, files }, strays)
  for (const group of lost) {
    if (quarantine !== undefined) await copyBlobAside(place.blobs, group.key, quarantine)
    await define(place, group.key, definitionFor(group, owned.get(group.key), bounds))
  }
  const taken = new Set(lost.flatMap(({ key }) => owned.get(key)?.id ?? []))
  if (files === undefined) return
  for (const id of strays) if (!taken.has(id)) await removeLog({ ...place, files }, id, quarantine)
}

/** A log of changes, and whose it is. */
interface Owned {
  readonly id: string
  readonly ordering: GroupDefinition['ordering']
}

/** Its log, where that is there, knows all. Else it begins where it can have begun, and tells that it may have stood at the end. */
function definitionFor({ definition }: FoundGroup, owned: Owned | undefined, { first, next }: LogBounds): GroupDefinition {
  if (owned !== undefined && definition === undefined) {
    return { format: 2, ...owned, state: { reset: true, epoch: 0, cursor: 0 }, isLogged: true }
  }
  const { epoch, cursor } = definition?.state ?? { epoch: 0, cursor: first }
  const to = Math.max(cursor, first)
  const rewound = next > to ? { rewound: { from: next, to } } : {}
  const state = { reset: true, epoch, cursor: to } as const
  return { format: 2, id: newGroupId(), ordering: definition?.ordering, state, ...rewound }
}

/** In the place of what is there, unless somebody has changed it. */
async function define({ blobs, clock }: GroupsPlace, key: string, definition: GroupDefinition): Promise<void> {
  const blob = await blobs.get(key)
  const cell = new Cell<StoredGroup>({ blobs, clock, key })
  await cell.replace(definition, blob?.version, 'strict').catch((error) => {
    if (!isStorageError(error, 'conflict')) throw error
  })
}

async function ownersOf(place: GroupsPlace & { readonly files: FileStore }, ids: readonly string[]): Promise<Map<string, Owned>> {
  const owned = new Map<string, Owned>()
  for (const id of ids) {
    const of = await ownerOf(controlPlace(place, id)).catch((error) => {
      if (!isStorageError(error)) throw error
      return undefined
    })
    if (of !== undefined) owned.set(of.key, { id, ordering: of.ordering })
  }
  return owned
}

/** The first record of a log of changes is a whole state, and says whose. */
async function ownerOf({ files, blobs, clock, path, format }: FileLogPlace): Promise<WholeState['of']> {
  const beforeWrite = async (): Promise<void> => {}
  const log = new FileLog({ files, blobs, clock, path, format, segmentBytes: 1, writable: false, beforeWrite })
  const rest = { checkFence: () => {}, committedOf: async () => 0, background: false, history: { blobs, key: historyKey(path) } }
  const journal = new Journal({ log, clock, ...rest, sync: 'always', topic: path })
  try {
    const [record] = await journal.read({ from: 0, limit: 1 })
    return record?.value === undefined ? undefined : (JSON.parse(fromUtf8(record.value)) as WholeState).of
  } finally {
    await journal.close()
  }
}

async function removeLog(place: GroupsPlace & { readonly files: FileStore }, id: string, quarantine?: Quarantine): Promise<void> {
  const { files, blobs } = place
  const prefix = `${pathOf(place, id)}/`
  for await (const { path } of files.list(prefix)) {
    if (quarantine !== undefined) await copyAside(files, path, quarantine)
    await files.delete(path)
  }
  const keys: string[] = []
  for await (const { key } of blobs.list({ prefix })) {
    if (quarantine !== undefined) await copyBlobAside(blobs, key, quarantine)
    keys.push(key)
  }
  if (keys.length > 0) await blobs.delete(keys)
}
