// What the handles of one stream share in this process.

import type { RedisBlobs } from './blobs.js'
import type { GroupPace } from './group-pace.js'
import type { RedisSignals } from './signals.js'
import type { Connection } from './connection.js'
import type { StreamKeys } from './stream-keys.js'
import type { Writer } from './writer.js'

export interface StreamCore {
  readonly name: string
  readonly keys: StreamKeys
  /** Of the wake-ups, which scripts send. */
  readonly channel: string
  readonly connection: Connection
  readonly blobs: RedisBlobs
  readonly signals: RedisSignals
  readonly writer: Writer
  readonly checkOpen: (operation: string) => void
  readonly onStored: () => void
  blobKey(key: string): string
  /** Of the group with this name, the same each time. */
  paceOf(group: string): GroupPace
}
