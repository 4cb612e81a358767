// The dead letters of a queue that were not put back yet.

import { isStorageError } from '../../core/base/errors.js'
import { RETURNED } from '../../core/compose/return-letters.js'
import { rawOf } from '../../core/features/queue/raw-queue.js'
import type { Queue, StoredRecord } from '../../core/features/queue/types.js'
import type { RecordStream } from '../../core/ports/stream-broker.js'
import { type DeadLetter, deadLetterOf } from '../../index.js'

export interface Letter {
  readonly record: StoredRecord<unknown>
  /** undefined for what was appended by other means. */
  readonly letter: DeadLetter | undefined
}

const PAGE = 1_000

export async function* lettersIn(queue: Queue<unknown>): AsyncGenerator<Letter> {
  for (const [bucket, stream] of rawOf(queue).streams.entries()) {
    const isReturned = await returnedIn(stream)
    let from = 0
    for (;;) {
      const records = await queue.read({ bucket, from, limit: PAGE })
      const last = records.at(-1)
      if (last === undefined) break
      for (const record of records) if (!isReturned(record.offset)) yield { record, letter: deadLetterOf(record) }
      from = last.offset + 1
    }
  }
}

/** What was delivered to those that put letters back, and is not pending, was put back. */
async function returnedIn(stream: RecordStream): Promise<(offset: number) => boolean> {
  try {
    const group = await stream.group(RETURNED, { create: false })
    const { committed, cursor } = await group.state()
    const left = new Set<number>()
    for (let after = -1; ; ) {
      const page = await group.pending({ after, limit: PAGE })
      for (const { offset } of page) left.add(offset)
      const last = page.at(-1)
      if (last === undefined) break
      after = last.offset
    }
    return (offset) => offset < committed || (offset < cursor && !left.has(offset))
  } catch (error) {
    if (isStorageError(error, 'missing')) return () => false
    throw error
  }
}
