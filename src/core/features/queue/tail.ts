// Live records of all buckets, in order within each, until the signal aborts or the loop is left.

import type { Clock } from '../../base/clock.js'
import { listenAll, nextWake, POLL_MS } from '../../base/latch.js'
import type { RecordStream, StreamRecord } from '../../ports/stream-broker.js'

const BATCH = 500

export interface TailInput {
  readonly streams: readonly RecordStream[]
  /** Next offset of each bucket; changed as it reads. */
  readonly next: number[]
  readonly clock: Clock
  readonly signal: AbortSignal | undefined
}

export async function* tailStreams(input: TailInput): AsyncGenerator<{ readonly bucket: number; readonly record: StreamRecord }> {
  const { streams, next, clock, signal } = input
  while (!signal?.aborted) {
    let isIdle = true
    for (const [bucket, stream] of streams.entries()) {
      const records = await stream.read({ from: next[bucket] as number, limit: BATCH })
      for (const record of records) {
        isIdle = false
        if (signal?.aborted) return
        next[bucket] = record.offset + 1
        yield { bucket, record }
      }
    }
    if (isIdle) await nextWake(clock, (wake) => listenAll(streams, wake), POLL_MS, signal)
  }
}
