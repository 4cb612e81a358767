// What a group was asked to be: checked, with the defaults filled in.

import type { BackoffOptions } from '../../base/backoff.js'
import { StorageError } from '../../base/errors.js'
import { RETRY, VISIBILITY_MS } from '../../base/group-defaults.js'
import type { GroupPortOptions } from '../../ports/stream-broker.js'
import type { GroupOptions } from './group-types.js'

const DEFAULT_MAX_DELIVERIES = 10
const CREATE = [undefined, true, false, 'new']
const ORDERINGS = [undefined, 'none', 'key']

export interface GroupRules {
  readonly visibilityMs: number
  readonly backoff: BackoffOptions
  /** Where there are dead letters. */
  readonly maxDeliveries: number
  /** Without `from`, which each bucket has its own of. */
  readonly port: GroupPortOptions
}

/** `invalid` for what makes no sense. */
export function checkGroupOptions(options: GroupOptions): GroupRules {
  const { visibilityMs = VISIBILITY_MS, ordering, maxPending, create, maxDeliveries, deadLetters } = options
  const backoff = { ...RETRY, ...options.backoff }
  check(visibilityMs > 0, 'visibilityMs is a positive number of milliseconds', { visibilityMs })
  check(backoff.firstMs > 0 && backoff.maxMs >= backoff.firstMs, 'backoff goes from firstMs, above 0, up to maxMs', { ...backoff })
  check(maxPending === undefined || isCount(maxPending), 'maxPending is a whole number from 1', { maxPending })
  check(maxDeliveries === undefined || isCount(maxDeliveries), 'maxDeliveries is a whole number from 1', { maxDeliveries })
  check(maxDeliveries === undefined || deadLetters !== undefined, 'maxDeliveries needs deadLetters, where a record goes then', {})
  check(ORDERINGS.includes(ordering), "ordering is 'none' or 'key'", { ordering })
  check(CREATE.includes(create), "create is true, false or 'new'", { create })
  return {
    visibilityMs,
    backoff,
    maxDeliveries: maxDeliveries ?? DEFAULT_MAX_DELIVERIES,
    port: {
      visibilityMs,
      ...(ordering === undefined ? {} : { ordering }),
      ...(maxPending === undefined ? {} : { maxPending }),
      ...(create === undefined ? {} : { create }),
    },
  }
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 1
}

function check(isRight: boolean, message: string, facts: Readonly<Record<string, unknown>>): void {
  if (!isRight) throw new StorageError('invalid', message, { operation: 'group', facts })
}
