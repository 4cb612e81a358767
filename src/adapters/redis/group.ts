// A group port over a native consumer group, for `ordering: 'none'`: every call is one script.

import { backoffMs } from '../../core/base/backoff.js'
import { type Clock, systemClock } from '../../core/base/clock.js'
import { isStorageError, StorageError } from '../../core/base/errors.js'
import { MAX_PENDING, MAX_REASON, RETRY, VISIBILITY_MS } from '../../core/base/group-defaults.js'
import { POLL_MS, Wakes } from '../../core/base/latch.js'
import type {
  GroupBounds,
  GroupPort,
  PendingEntry,
  PortDelivery,
  ReceiveOptions,
  SettleAction,
  SettleResult,
} from '../../core/ports/stream-broker.js'
import { type Argument, type Reply, type Script, textOf } from './connection.js'
import { dueOf, entriesRead, type Entry, idOf, recordOf } from './entry.js'
import { NAME } from './errors.js'
import type { GroupPace } from './group-pace.js'
import { CLAIM, DEFER, GROUP_STATE, MOVE, PENDING, QUARANTINE, RECEIVE, RELEASE_DELIVERIES, SETTLE } from './group-scripts.js'
import { pack } from './pack.js'
import type { StreamCore } from './stream-core.js'

const MAX_ACKS = 1_000

export interface RedisGroupOptions {
  readonly core: StreamCore
  readonly clock: Clock
  readonly name: string
  readonly visibilityMs?: number | undefined
  readonly maxPending?: number | undefined
}

/** What RECEIVE and CLAIM answer. */
type Taken = readonly [
  now: number,
  nextDue: number,
  deadline: number,
  taken: readonly (readonly [Entry, number, Uint8Array])[],
  room: number,
]

interface Received {
  readonly deliveries: readonly PortDelivery[]
  /** How long it is until something may be delivered again. */
  readonly untilDueMs: number
}

const NOTHING = new Uint8Array(0)

export class RedisGroup implements GroupPort {
  readonly #options: RedisGroupOptions
  readonly #visibilityMs: number
  readonly #maxPending: number
  readonly #pace: GroupPace

  constructor(options: RedisGroupOptions) {
    this.#options = options
    this.#visibilityMs = options.visibilityMs ?? VISIBILITY_MS
    this.#maxPending = options.maxPending ?? MAX_PENDING
    this.#pace = options.core.paceOf(options.name)
  }

  async receive(consumer: string, { limit, waitMs = 0, signal }: ReceiveOptions): Promise<readonly PortDelivery[]> {
    const { clock, core } = this.#options
    const end = clock.now() + waitMs
    const wakes = waitMs > 0 ? new Wakes((wake) => core.signals.listen(core.name, wake)) : undefined
    try {
      for (;;) {
        signal?.throwIfAborted()
        const { deliveries, untilDueMs } = await this.#receiveNow(consumer, limit)
        const now = clock.now()
        if (deliveries.length > 0 || now >= end) return deliveries
        await wakes?.next(clock, Math.max(1, Math.min(POLL_MS, end - now, untilDueMs)), signal)
      }
    } finally {
      wakes?.stop()
    }
  }

  /** Acknowledgements alone are one native command: what else is known of the entries is forgotten when its time comes. */
  async settle(actions: readonly SettleAction[]): Promise<SettleResult> {
    if (actions.some(({ action }) => action !== 'ack')) return this.#settleAll(actions)
    const { core, name } = this.#options
    core.checkOpen('settle')
    let settled = 0
    for (let at = 0; at < actions.length; at += MAX_ACKS) {
      const ids = actions.slice(at, at + MAX_ACKS).map(({ offset }) => idOf(offset))
      settled += (await core.connection.command(['XACK', core.keys.stream, name, ...ids], 'settle', name)) as number
    }
    if (settled === 0) await this.state() // a group that is gone says so
    return { settled, ignored: actions.length - settled }
  }

  async #settleAll(actions: readonly SettleAction[]): Promise<SettleResult> {
    this.#pace.slowUntilAsked()
    const packed = actions.map(({ offset, attempt, action, delayMs, reason = '' }) => {
      const ms = action === 'nack' ? (delayMs ?? backoffMs(this.#options.clock, attempt - 1, RETRY)) : (delayMs ?? this.#visibilityMs)
      return [action, offset, attempt, Math.ceil(ms), reason.slice(0, MAX_REASON)]
    })
    const settled = (await this.#run(SETTLE, [this.#now(), pack(packed)], 'settle')) as number
    return { settled, ignored: actions.length - settled }
  }

  async release(deliveries: readonly { readonly offset: number; readonly attempt: number }[]): Promise<void> {
    this.#pace.slowUntilAsked()
    await this.#run(RELEASE_DELIVERIES, [pack(deliveries.map(({ offset, attempt }) => [offset, attempt]))], 'release')
  }

  async claim(
    consumer: string,
    { minIdleMs, limit }: { readonly minIdleMs: number; readonly limit: number },
  ): Promise<readonly PortDelivery[]> {
    const args = [consumer, minIdleMs, limit, this.#visibilityMs, this.#now()]
    return this.#deliveries((await this.#run(CLAIM, args, 'claim')) as unknown as Taken)
  }

  async pending({ after = -1, limit = 100 }: { readonly after?: number; readonly limit?: number } = {}): Promise<readonly PendingEntry[]> {
    const entries = (await this.#run(PENDING, [idOf(after), limit, this.#now(), this.#visibilityMs], 'pending')) as readonly Reply[][]
    return entries.map(([offset, consumer, idleMs, attempt, deadline, reason]) => ({
      offset: offset as number,
      attempt: attempt as number,
      consumer: textOf(consumer),
      idleMs: idleMs as number,
      deadline: deadline as number,
      ...reasonIn(reason),
    }))
  }

  commit(next: number): Promise<void> {
    return this.#move(next, 'commit')
  }

  seek(next: number): Promise<void> {
    return this.#move(next, 'seek')
  }

  async state(): Promise<GroupBounds> {
    const { core, name } = this.#options
    const { stream, meta, groupPrefix } = core.keys
    const found = await core.connection.run(GROUP_STATE, [stream, meta, groupPrefix + name], [name], 'group', name)
    const [committed, cursor, pending, dropped] = found as [number, number, number, number]
    if (committed < 0) throw missing(name)
    return { committed, cursor, pending, dropped }
  }

  async #receiveNow(consumer: string, limit: number): Promise<Received> {
    if (this.#pace.isFast(limit, this.#visibilityMs)) {
      const deliveries = await this.#readOn(consumer, limit)
      if (deliveries.length > 0) return { deliveries, untilDueMs: 0 }
    }
    for (;;) {
      const taken = (await this.#run(
        RECEIVE,
        [consumer, limit, this.#visibilityMs, this.#maxPending, this.#now()],
        'receive',
      )) as unknown as Taken
      const [now, nextDue, , entries, room] = taken
      const untilDueMs = nextDue < 0 ? Number.POSITIVE_INFINITY : nextDue - now
      if (this.#options.clock === systemClock) this.#pace.asked({ now, untilDueMs, room, visibilityMs: this.#visibilityMs })
      const deliveries = await this.#deliveries(taken)
      if (entries.length === 0 || deliveries.length > 0) return { deliveries, untilDueMs }
    }
  }

  /** While nothing waits to be delivered again: the native command, which records the delivery and its time. */
  async #readOn(consumer: string, limit: number): Promise<readonly PortDelivery[]> {
    const { core, name } = this.#options
    const { stream } = core.keys
    core.checkOpen('receive')
    const now = this.#pace.now
    const read = ['XREADGROUP', 'GROUP', name, consumer, 'COUNT', limit, 'STREAMS', stream, '>']
    const entries = entriesRead(await core.connection.command(read, 'receive', name))
    this.#pace.took(entries.length)
    const taken = entries.map((entry) => [entry, 1, NOTHING] as const)
    const deliveries = await this.#deliveries([now, -1, now + this.#visibilityMs, taken, 0])
    return this.#withoutDelayed(deliveries, now)
  }

  async #withoutDelayed(deliveries: readonly PortDelivery[], now: number): Promise<readonly PortDelivery[]> {
    if (!deliveries.some(({ record }) => dueOf(record) > now)) return deliveries
    const delayed = deliveries.filter(({ record }) => dueOf(record) > now)
    this.#pace.slowUntilAsked()
    await this.#run(DEFER, [pack(delayed.map(({ record }) => [record.offset, dueOf(record)]))], 'receive')
    return deliveries.filter((delivery) => !delayed.includes(delivery))
  }

  /** What cannot be decoded is moved aside, so that nobody meets it for ever. */
  async #deliveries([, , deadline, taken]: Taken): Promise<PortDelivery[]> {
    const deliveries: PortDelivery[] = []
    for (const [entry, attempt, reason] of taken) {
      try {
        const record = recordOf(entry)
        deliveries.push(reason.length === 0 ? { record, attempt, deadline } : { record, attempt, deadline, ...reasonIn(reason) })
      } catch (error) {
        if (!isStorageError(error, 'corrupt')) throw error
        await moveAside(this.#options.core, textOf(entry[0]), error.message)
      }
    }
    return deliveries.sort((a, b) => a.record.offset - b.record.offset)
  }

  async #move(next: number, operation: 'commit' | 'seek'): Promise<void> {
    const { core, name } = this.#options
    const { stream, meta, deadlinePrefix, groupPrefix, runPrefix } = core.keys
    this.#pace.slowUntilAsked()
    const isOffset = Number.isSafeInteger(next) && next >= 0
    const asked = isOffset ? next : Number.MAX_SAFE_INTEGER
    const names = [stream, meta, deadlinePrefix + name, groupPrefix + name, runPrefix + name]
    const [refused, maximum] = (await core.connection.run(MOVE, names, [name, asked, operation], operation, name)) as [number, number]
    if (refused === 0) return
    throw new StorageError('invalid', 'a group cannot stand outside the log', { backend: NAME, operation, facts: { next, maximum } })
  }

  async #run(script: Script, args: readonly Argument[], operation: string): Promise<Reply> {
    const { core, name } = this.#options
    const { stream, meta, deadlinePrefix, groupPrefix, runPrefix } = core.keys
    core.checkOpen(operation)
    const names = [stream, deadlinePrefix + name, groupPrefix + name, meta, runPrefix + name]
    return core.connection.run(script, names, [name, ...args], operation, name)
  }

  /** Empty: the server's time. */
  #now(): string {
    const { clock } = this.#options
    return clock === systemClock ? '' : String(clock.now())
  }
}

/** To the stream's quarantine, with its id and the reason. */
export async function moveAside({ connection, keys }: Pick<StreamCore, 'connection' | 'keys'>, id: string, reason: string): Promise<void> {
  const args = [id, reason, keys.deadlinePrefix, keys.groupPrefix]
  await connection.run(QUARANTINE, [keys.stream, keys.meta, keys.quarantine], args, 'quarantine', id)
}

export function missing(name: string): StorageError {
  return new StorageError('missing', 'there is no such group', { backend: NAME, operation: 'group', facts: { group: name } })
}

function reasonIn(reason: Reply | undefined): { readonly reason?: string } {
  const text = textOf(reason)
  return text === '' ? {} : { reason: text }
}
