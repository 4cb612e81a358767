import { OWN_HEADER } from '../../base/own-headers.js'
import type { StoredRecord } from './record-types.js'

/** What became of a record before it was given up; in its dead-letter queue these are headers, `varve-dead-reason` and so on. */
export interface DeadLetter {
  /** What the last consumer said, or that none said anything. */
  readonly reason: string
  /** Where it had been. */
  readonly queue: string
  readonly bucket: number
  readonly offset: number
  /** When it was appended there, milliseconds since 1970. */
  readonly timestamp: number
  readonly group: string
  /** How often it was delivered. */
  readonly deliveries: number
  /** When it was given up, milliseconds since 1970. */
  readonly time: number
}

/** What is known of a record of a dead-letter queue; undefined for one that was appended there by other means. */
export function deadLetterOf({ headers }: Pick<StoredRecord<unknown>, 'headers'>): DeadLetter | undefined {
  const said = (name: keyof DeadLetter): string => headers[OWN_HEADER.dead + name] ?? ''
  if (said('queue') === '') return undefined
  return {
    reason: said('reason'),
    queue: said('queue'),
    bucket: Number(said('bucket')),
    offset: Number(said('offset')),
    timestamp: Number(said('timestamp')),
    group: said('group'),
    deliveries: Number(said('deliveries')),
    time: Number(said('time')),
  }
}
