// What Redis and its clients say, in the words that callers act on. A server's error begins with its kind in capitals:
// `OOM command not allowed when used memory > 'maxmemory'`.

import { isStorageError, StorageError, type StorageErrorCode } from '../../core/base/errors.js'

export const NAME = 'redis'

const KINDS: Readonly<Record<string, StorageErrorCode>> = {
  OOM: 'quota',
  READONLY: 'denied',
  NOAUTH: 'denied',
  WRONGPASS: 'denied',
  NOPERM: 'denied',
  NOPROTO: 'unsupported',
  MOVED: 'unsupported',
  ASK: 'unsupported',
  CROSSSLOT: 'unsupported',
  NOGROUP: 'missing',
  WRONGTYPE: 'corrupt',
  LOADING: 'unavailable',
  MISCONF: 'unavailable',
  BUSY: 'unavailable',
  MASTERDOWN: 'unavailable',
  CLUSTERDOWN: 'unavailable',
  TRYAGAIN: 'unavailable',
  NOREPLICAS: 'unavailable',
  UNKILLABLE: 'unavailable',
}

const HINTS: Readonly<Record<string, string>> = {
  OOM: 'the memory of the server is full',
  READONLY: 'this server is a replica, which takes no writes',
  MOVED: 'this server is part of a cluster, which is not supported; use one server, with replicas',
  ASK: 'this server is part of a cluster, which is not supported; use one server, with replicas',
  CROSSSLOT: 'this server is part of a cluster, which is not supported; use one server, with replicas',
  MISCONF: 'the server cannot write to its disk',
}

/** A StorageError for anything that a client throws; abort errors and StorageErrors pass as they are. */
export function asStorageError(error: unknown, operation: string, key?: string): unknown {
  if (isStorageError(error) || (error as { name?: unknown } | null)?.name === 'AbortError') return error
  const said = error instanceof Error ? error.message : String(error)
  const kind = kindOf(said)
  const code = codeOf(error, said, kind)
  const hint = HINTS[kind ?? ''] ?? (code === 'closed' ? 'the client is not connected, or was closed' : 'Redis refused')
  return new StorageError(code, `${hint}: ${said}`, { backend: NAME, operation, key, cause: error })
}

export function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}

function codeOf(error: unknown, said: string, kind: string | undefined): StorageErrorCode {
  if (kind === 'MISCONF' && /no space/i.test(said)) return 'quota'
  if (kind !== undefined && kind in KINDS) return KINDS[kind] as StorageErrorCode
  if (kind === 'ERR')
    return /max number of clients/.test(said) ? 'unavailable' : /unknown (sub)?command/i.test(said) ? 'unsupported' : 'invalid'
  const name = (error as { constructor?: { name?: string } } | null)?.constructor?.name
  if (name === 'ClientClosedError') return 'closed'
  return error instanceof TypeError ? 'invalid' : 'unavailable'
}

function kindOf(said: string): string | undefined {
  return /^([A-Z]{2,})\b/.exec(said)?.[1]
}
