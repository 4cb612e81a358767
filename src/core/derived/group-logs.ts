// On files the state of each group is a log of its changes, beside the log that it delivers from.

import { binaryFormat } from '../engine/binary-format.js'
import { FileLog } from '../engine/file-log.js'
import { type ControlLog, GroupLogStore } from '../engine/group-log-store.js'
import { historyKey, Journal } from '../engine/journal.js'
import type { FileStore } from '../ports/file-store.js'
import type { OpenGroupStore } from './groups.js'
import type { StoreContext } from './store-context.js'

const SEGMENT_BYTES = 1024 * 1024

/** `stream` is the path of the log that they deliver from. */
export function groupLogs(context: StoreContext, files: FileStore, stream: string): OpenGroupStore {
  return (options) => {
    const path = `${stream}/groups/${options.id}`
    const removeLog = (): Promise<void> => remove(context, files, path)
    return new GroupLogStore({ ...options, openLog: () => openLog(context, files, path), removeLog, writable: context.mode === 'write' })
  }
}

function openLog(context: StoreContext, files: FileStore, path: string): ControlLog {
  const { backend, clock, mode } = context
  const { blobs } = backend
  const place = { files, blobs, clock, path, format: binaryFormat, segmentBytes: SEGMENT_BYTES }
  const log = new FileLog({ ...place, writable: mode === 'write', beforeWrite: async () => context.writable('group') })
  const checkFence = (): void | Promise<void> => context.checkFence()
  const history = { blobs, key: historyKey(path) }
  const rest = { committedOf: async () => 0, background: false }
  return { log, journal: new Journal({ log, clock, checkFence, history, ...rest, sync: 'always', topic: path }) }
}

async function remove({ backend: { blobs } }: StoreContext, files: FileStore, path: string): Promise<void> {
  for await (const file of files.list(`${path}/`)) await files.delete(file.path)
  const keys: string[] = []
  for await (const { key } of blobs.list({ prefix: `${path}/` })) keys.push(key)
  if (keys.length > 0) await blobs.delete(keys)
}
