import type { DeadLetter } from '../features/queue/dead-letter.js'
import type { StoredRecord } from '../features/queue/record-types.js'
import type { Cancellable } from '../ports/options.js'

export interface ReturnDeadLettersOptions<T> extends Cancellable {
  /** Default all. */
  readonly limit?: number
  /** Which ones; by default those that came from the target. */
  readonly filter?: (record: StoredRecord<T>, letter: DeadLetter) => boolean
}

export interface ReturnReport {
  readonly returned: number
  /** Looked at, and not chosen: they can be put back later. */
  readonly left: number
}
