// What the server says of itself, for people: whether it keeps what it acknowledges, and how much room there is.

import type { StorageHealth } from '../../core/ports/backend.js'
import { type Connection, textOf } from './connection.js'

export async function readHealth(connection: Connection): Promise<Pick<StorageHealth, 'warnings' | 'quotaBytes' | 'freeBytes'>> {
  const info = fieldsOf(textOf(await connection.command(['INFO'], 'health')))
  const quotaBytes = Number(info.get('maxmemory') ?? 0)
  return {
    warnings: warningsOf(info, await appendFsync(connection)),
    ...(quotaBytes > 0 ? { quotaBytes, freeBytes: Math.max(0, quotaBytes - Number(info.get('used_memory'))) } : {}),
  }
}

/** undefined where the user may not ask. */
async function appendFsync(connection: Connection): Promise<string | undefined> {
  const reply = await connection.command(['CONFIG', 'GET', 'appendfsync'], 'health').catch(() => undefined)
  if (Array.isArray(reply)) return textOf(reply[1])
  return Object.values(reply ?? {}).map((value) => textOf(value as Uint8Array))[0]
}

function warningsOf(info: ReadonlyMap<string, string>, fsync: string | undefined): string[] {
  const warnings: string[] = []
  const policy = info.get('maxmemory_policy') ?? 'noeviction'
  if (info.get('aof_enabled') !== '1') {
    warnings.push('the server keeps no append-only file: a restart loses what came after its last snapshot (set appendonly yes)')
  } else if (fsync !== undefined && fsync !== 'always') {
    warnings.push(
      `appendfsync is ${fsync}: a power failure loses the last second or more of what was acknowledged (set appendfsync always)`,
    )
  }
  if (policy !== 'noeviction') warnings.push(`maxmemory-policy is ${policy}: a full server deletes data (set noeviction)`)
  if (info.get('role') === 'slave') warnings.push('this server is a replica: it may be behind, and takes no writes')
  return warnings
}

function fieldsOf(info: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  for (const line of info.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1))
  }
  return fields
}
