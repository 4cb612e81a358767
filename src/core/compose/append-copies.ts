// Records of one stream appended to another: each at its offset, with its timestamp and all of its headers, and only where
// the other one ends as it was thought to. So a copy that is made twice is stored once.

import type { AppendResult, RecordStream, StreamRecord } from '../ports/stream-broker.js'

/**
 * Appends behind `next`; gives where the stream ends then. Each run is one append, and all are on their way at once, in
 * their order: where one fails, those behind it do.
 */
export async function appendCopies(target: RecordStream, next: number, records: readonly StreamRecord[]): Promise<number> {
  const appends: Promise<AppendResult>[] = []
  let end = next
  for (let start = 0; start < records.length; ) {
    const behind = endOfRun(records, start)
    const at = (records[start] as StreamRecord).offset
    appends.push(target.append({ records: records.slice(start, behind) }, { at, when: { next: end }, timestamps: 'keep' }))
    end = at + behind - start
    start = behind
  }
  const results = await Promise.allSettled(appends)
  for (const result of results) if (result.status === 'rejected') throw result.reason
  return end
}

/** Without the last run where there are others, so that no batch is cut in two: its rest is not read yet. */
export function withoutLastRun(records: readonly StreamRecord[]): readonly StreamRecord[] {
  let end = records.length - 1
  while (end > 0 && continues(records[end - 1] as StreamRecord, records[end] as StreamRecord)) end--
  return end > 0 ? records.slice(0, end) : records
}

function endOfRun(records: readonly StreamRecord[], start: number): number {
  let end = start + 1
  while (end < records.length && continues(records[end - 1] as StreamRecord, records[end] as StreamRecord)) end++
  return end
}

/** A frame has one time for all that look for one. */
function continues(before: StreamRecord, record: StreamRecord): boolean {
  return record.offset === before.offset + 1 && record.timestamp === before.timestamp
}
