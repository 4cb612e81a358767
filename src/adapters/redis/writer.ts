// Appends of one process to one stream. Each is one call of a script that knows it again by the writer and its number: an
// answer that was lost with the connection is asked for once more, in the order of the appends, and nothing is stored twice.

import { toHex } from '../../core/base/bytes.js'
import { backOff } from '../../core/base/backoff.js'
import { systemClock } from '../../core/base/clock.js'
import { isStorageError, StorageError } from '../../core/base/errors.js'
import type { AppendRequest } from './append-request.js'
import type { Argument, Connection, Reply } from './connection.js'
import { NAME } from './errors.js'
import { pack } from './pack.js'
import { APPEND, SLOTS } from './stream-scripts.js'
import type { StreamKeys } from './stream-keys.js'

const RETRY = { firstMs: 50, maxMs: 1_000 }
/** About ten seconds. */
const MAX_RETRIES = 14

export interface WriterOptions {
  readonly connection: Connection
  readonly keys: StreamKeys
  readonly channel: string
}

export class Writer {
  readonly #options: WriterOptions
  readonly #session: string
  #number = 0
  /** Numbers under way, ascending. */
  readonly #underWay = new Set<number>()
  readonly #waiting: (() => Promise<void>)[] = []
  #recovery: Promise<boolean> | undefined

  constructor(options: WriterOptions) {
    this.#options = options
    this.#session = options.keys.writerPrefix + toHex(crypto.getRandomValues(new Uint8Array(12)))
  }

  /** `guard` is the key of a blob. What the script answers. */
  append(request: AppendRequest, guard: string): Promise<readonly Reply[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => this.#begin(request, guard).then(resolve, reject))
      this.#beginAll()
    })
  }

  /** In the order they came, while there is room for their answers. */
  #beginAll(): void {
    while (this.#waiting.length > 0 && !this.#isFull()) void this.#waiting.shift()?.()
  }

  async #begin({ packed, values }: AppendRequest, guard: string): Promise<readonly Reply[]> {
    const number = this.#number++
    this.#underWay.add(number)
    try {
      return await this.#send([pack(packed(number)), this.#options.channel, ...values], guard)
    } finally {
      this.#underWay.delete(number)
      this.#beginAll()
    }
  }

  #isFull(): boolean {
    const [oldest] = this.#underWay
    return oldest !== undefined && this.#number - oldest >= SLOTS
  }

  async #send(args: readonly Argument[], guard: string): Promise<readonly Reply[]> {
    const { connection, keys } = this.#options
    const { stream, meta, marks, ids, idOrder, producers, producerOrder } = keys
    const names = [stream, meta, this.#session, marks, ids, idOrder, producers, producerOrder, guard]
    for (;;) {
      while (this.#recovery !== undefined) await this.#recovery
      try {
        return (await connection.run(APPEND, names, args, 'append')) as readonly Reply[]
      } catch (error) {
        if (!isStorageError(error, 'unavailable')) throw error
        this.#recovery ??= this.#recover()
        if (!(await this.#recovery)) throw unsettled(error)
      }
    }
  }

  /** All who lost their answers wait here together, and go on in their order. */
  async #recover(): Promise<boolean> {
    try {
      for (let attempt = 0; attempt < MAX_RETRIES; attempt++) {
        await backOff(systemClock, attempt, RETRY)
        if (await this.#answers()) return true
      }
      return false
    } finally {
      this.#recovery = undefined
    }
  }

  async #answers(): Promise<boolean> {
    try {
      await this.#options.connection.command(['PING'], 'append')
      return true
    } catch {
      return false
    }
  }
}

function unsettled(cause: StorageError): StorageError {
  return new StorageError('unavailable', `whether the append is stored is not known: ${cause.message}`, {
    backend: NAME,
    operation: 'append',
    cause,
    facts: { settled: false },
  })
}
