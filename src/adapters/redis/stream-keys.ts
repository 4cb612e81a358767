// What belongs to one stream, all below its name.

import type { Keys } from './keys.js'

export interface StreamKeys {
  /** The native stream. */
  readonly stream: string
  readonly meta: string
  readonly marks: string
  readonly ids: string
  readonly idOrder: string
  readonly producers: string
  readonly producerOrder: string
  /** Where what could not be read was moved. */
  readonly quarantine: string
  /** Before the id of a writer. */
  readonly writerPrefix: string
  /** Before the name of a group: deadlines of single deliveries, of stretches of them, and what else is known of them. */
  readonly deadlinePrefix: string
  readonly runPrefix: string
  readonly groupPrefix: string
}

export function streamKeys({ prefix }: Keys, name: string): StreamKeys {
  const stream = `${prefix}stream:${name}`
  return {
    stream,
    meta: `${stream}:meta`,
    marks: `${stream}:marks`,
    ids: `${stream}:ids`,
    idOrder: `${stream}:ids:order`,
    producers: `${stream}:producers`,
    producerOrder: `${stream}:producers:order`,
    quarantine: `${stream}:quarantine`,
    writerPrefix: `${stream}:writer:`,
    deadlinePrefix: `${stream}:due:`,
    runPrefix: `${stream}:runs:`,
    groupPrefix: `${stream}:group:`,
  }
}
