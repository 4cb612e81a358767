// Who holds a directory, and whether that process is surely dead. A number alone proves nothing: another container
// sees other processes under the same numbers.

import { randomBytes } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { systemCode } from './errors.js'

export interface Identity {
  readonly host: string
  /** Of the running kernel; undefined where nothing tells it. */
  readonly boot?: string
  /** The process number space that `pid` belongs to; undefined where it is unknown. */
  readonly namespace?: string
  readonly pid: number
  /** Start of the process in ticks since boot. */
  readonly started?: string
  readonly token: string
}

export function ownIdentity(): Identity {
  return {
    host: hostname(),
    boot: readBootId(),
    namespace: ownNamespace(),
    pid: process.pid,
    started: processState(process.pid)?.started,
    token: randomBytes(12).toString('hex'),
  }
}

/** Identity of the kernel since its last boot, undefined outside Linux. */
export function readBootId(): string | undefined {
  return tryRead('/proc/sys/kernel/random/boot_id')?.trim()
}

/** Undefined too when /proc shows another namespace than the one this process counts in. */
function ownNamespace(): string | undefined {
  try {
    return readlinkSync('/proc/self') === String(process.pid) ? readlinkSync('/proc/self/ns/pid') : undefined
  } catch {
    return undefined
  }
}

/** `unknown` when only the heartbeat can tell. */
export function judge(other: Identity, own: Identity): 'alive' | 'dead' | 'unknown' {
  if (other.host !== own.host) return 'unknown'
  if (process.platform !== 'linux') return judgeByNumber(other, own)
  const known = own.boot !== undefined && own.namespace !== undefined
  if (!known || other.boot !== own.boot || other.namespace !== own.namespace) return 'unknown'
  if (other.pid === own.pid && other.started === own.started) return 'unknown'
  const state = processState(other.pid)
  return state === undefined || state.gone || state.started !== other.started ? 'dead' : 'alive'
}

/** Without start times: a number that nobody has is proof, a number in use is none. */
function judgeByNumber(other: Identity, own: Identity): 'dead' | 'unknown' {
  if (other.pid === own.pid) return 'unknown'
  try {
    process.kill(other.pid, 0)
    return 'unknown'
  } catch (error) {
    return systemCode(error) === 'ESRCH' ? 'dead' : 'unknown'
  }
}

/** Fields of /proc/<pid>/stat behind the command, which may itself hold spaces and brackets. A zombie counts as gone. */
function processState(pid: number): { readonly started: string; readonly gone: boolean } | undefined {
  const stat = tryRead(`/proc/${pid}/stat`)
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  const started = fields?.[19]
  return started === undefined ? undefined : { started, gone: fields?.[0] === 'Z' || fields?.[0] === 'X' }
}

function tryRead(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}
