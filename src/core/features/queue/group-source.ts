import type { Clock } from '../../base/clock.js'
import type { Delivery, Group, ReceiveRecordsOptions } from './group-types.js'

/** What one receive brought. */
export interface Received<T> {
  readonly deliveries: readonly Delivery<T>[]
  /** So many had used up their deliveries, and became dead letters. */
  readonly dead: number
}

export interface GiveBackOptions {
  readonly reason: string
  /** No delivery follows, where there are dead letters. */
  readonly isLast?: boolean
}

/** What the loops over a group need of it. */
export interface GroupSource<T> extends Pick<Group<T>, 'ack' | 'extend'> {
  readonly clock: Clock
  readonly visibilityMs: number
  fetch(options: ReceiveRecordsOptions): Promise<Received<T>>
  /** After a failure; resolves to how many became dead letters. */
  giveBack(delivery: Delivery<T>, options: GiveBackOptions): Promise<number>
  /** Nobody has seen them: uncounted. */
  release(deliveries: readonly Delivery<T>[]): Promise<void>
}

/** How long one wait for deliveries lasts before the loop looks at its signal again. */
export const RECEIVE_WAIT_MS = 20_000

const NOTHING: Received<never> = { deliveries: [], dead: 0 }

/** An abort ends the wait with nothing, it is no error. */
export async function fetchUntilAborted<T>(
  source: GroupSource<T>,
  options: { readonly limit: number; readonly waitMs: number; readonly consumer: string | undefined },
  signal: AbortSignal | undefined,
): Promise<Received<T>> {
  const { consumer, ...rest } = options
  try {
    return await source.fetch({ ...rest, ...(consumer === undefined ? {} : { consumer }), ...(signal === undefined ? {} : { signal }) })
  } catch (error) {
    if (signal?.aborted) return NOTHING
    throw error
  }
}
