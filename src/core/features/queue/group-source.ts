import type { Clock } from '../../base/clock.js'
import type { Delivery, Group } from './types.js'

/** What the loops over a group need of it. */
export interface GroupSource<T> extends Pick<Group<T>, 'receive' | 'ack' | 'nack' | 'extend'> {
  readonly clock: Clock
  readonly visibilityMs: number
  release(deliveries: readonly Delivery<T>[]): Promise<void>
}

/** How long one wait for deliveries lasts before the loop looks at its signal again. */
export const RECEIVE_WAIT_MS = 20_000
