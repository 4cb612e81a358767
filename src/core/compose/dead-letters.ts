import { loadPart } from '../base/load-part.js'
import { deadLetterOf } from '../features/queue/dead-letter.js'
import type { AnyQueue } from '../features/queue/group-types.js'
import type { Queue } from '../features/queue/types.js'
import type { ReturnDeadLettersOptions, ReturnReport } from './return-report.js'

export type { ReturnDeadLettersOptions, ReturnReport } from './return-report.js'

/**
 * Appends dead letters to the queue `to` as they were before they were given up: value, key, codec, schema version and their
 * own headers. A record comes to the bucket of its key and is new to all groups there. Each is put back once, whoever calls
 * this and however often; a call that crashed is taken up by another one 30 seconds later.
 *
 * Errors: `invalid` (not two queues), `closed`, and what reading the one and appending to the other can meet.
 */
export async function returnDeadLetters<T>(
  deadLetters: Queue<T>,
  to: AnyQueue,
  options: ReturnDeadLettersOptions<T> = {},
): Promise<ReturnReport> {
  const { returnLetters } = await loadPart('the way back of dead letters', () => import('./return-letters.js'))
  return returnLetters(deadLetters, to, { ...options, deadLetterOf }) // it is here anyway, for users
}
