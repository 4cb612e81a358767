// The groups of one log: the cells that define them, and on files the logs of their changes.

import type { Clock } from '../../base/clock.js'
import { isStorageError } from '../../base/errors.js'
import type { BlobStore } from '../../ports/blob-store.js'
import type { FileStore } from '../../ports/file-store.js'
import { binaryFormat } from '../binary-format.js'
import { Cell } from '../cell.js'
import { definitionOf, type GroupDefinition, type StoredGroup } from '../group-definition.js'
import type { Anomaly } from './anomaly.js'
import { examineFileLog, type LogExamination } from './examine-file-log.js'
import type { FileLogPlace } from './file-log-place.js'

export interface GroupsPlace {
  /** undefined where groups are cells alone. */
  readonly files: FileStore | undefined
  readonly blobs: BlobStore
  readonly clock: Clock
  /** Prefix of the log that they deliver from. */
  readonly path: string
  /** Their owner may be writing. */
  readonly isLive: boolean
}

/** What a group is, as far as its cell can be read. */
export interface FoundGroup {
  readonly key: string
  readonly definition: GroupDefinition | undefined
}

export interface GroupsExamination {
  readonly anomalies: readonly Anomaly[]
  /** Whose positions are gone, with their cell or with their log. */
  readonly lost: readonly FoundGroup[]
  /** Logs of changes in which something is wrong. */
  readonly damagedLogs: readonly { readonly place: FileLogPlace; readonly found: LogExamination }[]
  /** Ids of logs that no group names. */
  readonly strays: readonly string[]
}

export async function examineGroups(place: GroupsPlace): Promise<GroupsExamination> {
  const groups = await groupsAt(place)
  const ids = await loggedIds(place)
  const lost: FoundGroup[] = []
  const damagedLogs: { place: FileLogPlace; found: LogExamination }[] = []
  for (const group of groups) {
    const { definition } = group
    if (definition === undefined || (definition.isLogged === true && !ids.has(definition.id))) lost.push(group)
    else if (place.files !== undefined && ids.has(definition.id)) {
      const at = controlPlace({ ...place, files: place.files }, definition.id)
      const found = await examineFileLog(at)
      if (found.anomalies.length > 0) damagedLogs.push({ place: at, found })
    }
  }
  const named = new Set(groups.map(({ definition }) => definition?.id))
  // A running owner may be making or deleting one.
  const strays = place.isLive ? [] : [...ids].filter((id) => !named.has(id))
  const isOwned = lost.some(({ definition }) => definition === undefined) // by the cell that cannot be read, as far as is known
  const anomalies = [
    ...lost.map(lostGroup),
    ...damagedLogs.flatMap(({ found }) => found.anomalies),
    ...(isOwned ? [] : strays.map((id) => strayLog(pathOf(place, id)))),
  ]
  return { anomalies, lost, damagedLogs, strays }
}

export function controlPlace({ files, blobs, clock, path, isLive }: GroupsPlace & { readonly files: FileStore }, id: string): FileLogPlace {
  return { files, blobs, clock, isLive, format: binaryFormat, path: `${path}/groups/${id}` }
}

export function pathOf({ path }: Pick<GroupsPlace, 'path'>, id: string): string {
  return `${path}/groups/${id}`
}

async function groupsAt({ blobs, clock, path }: GroupsPlace): Promise<FoundGroup[]> {
  const found: FoundGroup[] = []
  for await (const { key } of blobs.list({ prefix: `${path}/group/` })) {
    try {
      const { value } = await new Cell<StoredGroup>({ blobs, clock, key }).read()
      if (value !== undefined) found.push({ key, definition: definitionOf(value) })
    } catch (error) {
      if (!isStorageError(error, 'corrupt')) throw error
      found.push({ key, definition: undefined })
    }
  }
  return found
}

/** Of all that has any file or blob. */
async function loggedIds({ files, blobs, path }: GroupsPlace): Promise<Set<string>> {
  const ids = new Set<string>()
  if (files === undefined) return ids
  const prefix = `${path}/groups/`
  const note = (key: string): void => {
    ids.add(key.slice(prefix.length).split('/', 1)[0] as string)
  }
  for await (const file of files.list(prefix)) note(file.path)
  for await (const { key } of blobs.list({ prefix })) note(key)
  return ids
}

function lostGroup({ key, definition }: FoundGroup): Anomaly {
  const what = definition === undefined ? 'the cell of a consumer group cannot be read' : 'the log of a consumer group is gone'
  return { kind: 'damaged_group', path: key, detail: `${what}; what it had acknowledged is not known` }
}

function strayLog(path: string): Anomaly {
  return { kind: 'orphaned_file', path, detail: 'what a group that was deleted left behind' }
}
