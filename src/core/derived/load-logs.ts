// A program meets one kind of log, files or chunks: which one, its backend says, and only that one is loaded.

import { loadPart } from '../base/load-part.js'
import { loadFormat } from '../engine/load-format.js'
import type { Log } from '../engine/log.js'
import type { FileStore } from '../ports/file-store.js'
import type { StreamFormat, StreamOptions } from '../ports/stream-broker.js'
import type { StoreContext } from './store-context.js'

const DEFAULT_SEGMENT_BYTES = 64 * 1024 * 1024

/** Does no I/O: a log opens with its first use. */
export type OpenLog = (path: string, options: StreamOptions) => Log

/** How logs are opened on this backend; `unavailable` where the code for it cannot be loaded. */
export function loadLogs(context: StoreContext, format: StreamFormat | undefined): Promise<OpenLog> {
  const { files } = context.backend
  return files === undefined ? loadChunkLogs(context) : loadFileLogs(context, files, format)
}

async function loadChunkLogs(context: StoreContext): Promise<OpenLog> {
  const { ChunkLog } = await loadPart('the log of chunks', () => import('../engine/chunk-log.js'))
  const { backend, clock } = context
  const beforeWrite = async (): Promise<void> => context.writable('append')
  const { blobs, requestScoped } = backend
  return (path, { durability, guard, segmentBytes, retention }) => {
    const hasRetention = retention !== undefined
    return new ChunkLog({ blobs, clock, path, durability, guard, segmentBytes, requestScoped, hasRetention, beforeWrite })
  }
}

async function loadFileLogs(context: StoreContext, files: FileStore, name: StreamFormat | undefined): Promise<OpenLog> {
  const { FileLog } = await loadPart('the log of files', () => import('../engine/file-log.js'))
  const format = await loadFormat(name)
  const { backend, clock, mode } = context
  const beforeWrite = async (): Promise<void> => context.writable('append')
  return (path, { segmentBytes = DEFAULT_SEGMENT_BYTES, sync = 'always' }) =>
    new FileLog({
      files,
      format,
      blobs: backend.blobs,
      clock,
      path,
      segmentBytes,
      writable: mode === 'write',
      beforeWrite,
      keepsUnsynced: sync !== 'always',
    })
}
