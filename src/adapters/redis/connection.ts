// Both clients behind one face: a command with bytes in and bytes out, and a script that is sent in full only once. The
// client is the user's and is never closed here.

import { createHash } from 'node:crypto'
import { StorageError } from '../../core/base/errors.js'
import { type IoRedisLike, isIoRedis, type RedisClientLike } from './client.js'
import { asStorageError, isNoScript, NAME } from './errors.js'

export type Argument = string | Uint8Array | number

/** Bulk strings are bytes; a script's tables are arrays. */
export type Reply = null | number | Uint8Array | string | readonly Reply[]

/** What gives room back, and reads on the way there, has to run on a server that is full. */
const WHEN_FULL = '#!lua flags=allow-oom\n'

/** Lua, with its hash. `KEYS` come first. */
export class Script {
  readonly text: string
  readonly sha: string

  constructor(text: string, { whenFull = false } = {}) {
    this.text = whenFull ? WHEN_FULL + text : text
    this.sha = createHash('sha1').update(this.text).digest('hex')
  }
}

/** In the node-redis client: the type of a bulk string in a reply. */
const BULK_STRING = 36
const AS_BYTES = { typeMapping: { [BULK_STRING]: Buffer } }

/** `redis.REDIS_VERSION` is there from 7.0 on. */
const VERSION = new Script(`
if redis.REDIS_VERSION then return {1, redis.REDIS_VERSION} end
local info = redis.pcall('INFO', 'server')
return {0, type(info) == 'string' and string.match(info, 'redis_version:([^%s]+)') or 'unknown'}`)

export class Connection {
  readonly #client: RedisClientLike
  readonly #send: (args: readonly Argument[]) => Promise<unknown>
  readonly #loaded = new Set<Script>()
  readonly #loading = new Map<Script, Promise<void>>()
  #checking: Promise<void> | undefined
  #isChecked = false

  constructor(client: RedisClientLike) {
    this.#client = client
    this.#send = isIoRedis(client) ? (args) => sendIoRedis(client, args) : (args) => client.sendCommand(args.map(native), AS_BYTES)
  }

  async command(args: readonly Argument[], operation: string, key?: string): Promise<Reply> {
    try {
      if (!this.#isChecked) await this.#check()
      return (await this.#send(args)) as Reply
    } catch (error) {
      throw this.#asStorageError(error, operation, key)
    }
  }

  /** Errors: what the script or the server says, by its code; `unsupported` where the server is older than 7.0. */
  async run(script: Script, keys: readonly string[], args: readonly Argument[], operation: string, key?: string): Promise<Reply> {
    try {
      if (!this.#isChecked) await this.#check()
      if (!this.#loaded.has(script)) await this.#load(script)
      return await this.#evaluate(script, keys, args)
    } catch (error) {
      throw this.#asStorageError(error, operation, key)
    }
  }

  async #evaluate(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<Reply> {
    try {
      return (await this.#send(['EVALSHA', script.sha, keys.length, ...keys, ...args])) as Reply
    } catch (error) {
      if (!isNoScript(error)) throw error
      return (await this.#send(['EVAL', script.text, keys.length, ...keys, ...args])) as Reply
    }
  }

  /** Before the first use, so that calls which follow each other are not sent in another order when the server knows no script yet. */
  #load(script: Script): Promise<void> {
    const loading = this.#loading.get(script) ?? this.#loadNow(script)
    this.#loading.set(script, loading)
    return loading
  }

  async #loadNow(script: Script): Promise<void> {
    try {
      await this.#send(['SCRIPT', 'LOAD', script.text])
      this.#loaded.add(script)
    } catch {
      // Who may not load, or is not heard, sends it in full.
    } finally {
      this.#loading.delete(script)
    }
  }

  #check(): Promise<void> {
    this.#checking ??= this.#checkVersion().catch((error) => {
      this.#checking = undefined
      throw error
    })
    return this.#checking
  }

  async #checkVersion(): Promise<void> {
    const [isEnough, version] = (await this.#send(['EVAL', VERSION.text, 0])) as [number, Uint8Array]
    if (isEnough !== 1) {
      throw new StorageError('unsupported', 'Redis 7.0 or newer is needed', {
        backend: NAME,
        operation: 'redis',
        facts: { version: textOf(version) },
      })
    }
    this.#isChecked = true
  }

  /** An ioredis client that was ended says no more than that its connection is closed. */
  #asStorageError(error: unknown, operation: string, key: string | undefined): unknown {
    const mapped = asStorageError(error, operation, key)
    const client = this.#client
    const isEnded = isIoRedis(client) ? client.status === 'end' : !client.isOpen
    if (!isEnded || !(mapped instanceof StorageError) || mapped.code !== 'unavailable') return mapped
    return new StorageError('closed', 'the client is not connected, or was closed', { backend: NAME, operation, key, cause: error })
  }
}

/** Both clients take bytes as Buffers only; no bytes are copied. */
function native(argument: Argument): string | Buffer {
  if (typeof argument === 'string') return argument
  if (typeof argument === 'number') return String(argument)
  return Buffer.isBuffer(argument) ? argument : Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength)
}

function sendIoRedis(client: IoRedisLike, [command, ...rest]: readonly Argument[]): Promise<unknown> {
  return client.callBuffer(String(command), rest.map(native))
}

/** Of a reply: text as the server or a script says it. */
export function textOf(reply: Reply | undefined): string {
  if (Buffer.isBuffer(reply)) return reply.toString('utf8')
  if (reply instanceof Uint8Array) return Buffer.from(reply.buffer, reply.byteOffset, reply.byteLength).toString('utf8')
  return String(reply ?? '')
}
