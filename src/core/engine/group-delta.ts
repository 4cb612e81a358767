// What a group's state is stored as, whole or by its changes: plain data that JSON keeps. Neighbours that went the same way
// are one run, so that a hundred records that were received and acknowledged together are two short lines.

/** `offset, count, attempt, consumer, deadline, grantedMs, isOut`, then the last reason, then the hash of each key. */
export type EntryRun = readonly [
  offset: number,
  count: number,
  attempt: number,
  consumer: string,
  deadline: number,
  grantedMs: number,
  isOut: 0 | 1,
  reason?: string | null,
  keys?: readonly (number | null)[],
]

export interface GroupDelta {
  /** What was pending before is not any more: the whole state follows. */
  readonly reset?: true
  /** Of the log, when the cursor was last moved. */
  readonly epoch: number
  /** The next offset to be delivered for the first time. */
  readonly cursor: number
  /** How many were trimmed before they were acknowledged, since the group began. */
  readonly dropped?: number
  /** Not pending any more: first offset and count, again and again. */
  readonly gone?: readonly number[]
  /** Pending as they are now, ascending. */
  readonly set?: readonly EntryRun[]
}

/** What is stored of a record between its delivery and its acknowledgement, or that was passed over. */
export interface EntryFields {
  readonly offset: number
  /** Of the key, where the order of keys counts. */
  readonly key: number | undefined
  /** How often it was delivered; 0 after it was passed over, or given back unseen. */
  readonly attempt: number
  /** Who had it last; empty where nobody had. */
  readonly consumer: string
  /** From then on anybody may have it, ms. */
  readonly deadline: number
  /** How long the deadline was set ahead: bounds it again when the clock was put back. 0 where it stands for itself. */
  readonly grantedMs: number
  /** Somebody has it, as far as is known. */
  readonly isOut: boolean
  /** Why it was given back last. */
  readonly reason: string | undefined
}

/** `entries` ascending by offset. */
export function runsOf(entries: readonly EntryFields[]): EntryRun[] {
  const runs: EntryRun[] = []
  for (let from = 0; from < entries.length; ) {
    let to = from + 1
    while (to < entries.length && continues(entries[to - 1] as EntryFields, entries[to] as EntryFields)) to++
    runs.push(runOf(entries, from, to))
    from = to
  }
  return runs
}

function continues(last: EntryFields, entry: EntryFields): boolean {
  return (
    entry.offset === last.offset + 1 &&
    entry.deadline === last.deadline &&
    entry.attempt === last.attempt &&
    entry.consumer === last.consumer &&
    entry.grantedMs === last.grantedMs &&
    entry.isOut === last.isOut &&
    entry.reason === last.reason
  )
}

function runOf(entries: readonly EntryFields[], from: number, to: number): EntryRun {
  const { offset, attempt, consumer, deadline, grantedMs, isOut, reason } = entries[from] as EntryFields
  const run = [offset, to - from, attempt, consumer, deadline, grantedMs, isOut ? 1 : 0] as const
  const keys = keysOf(entries, from, to)
  if (keys !== undefined) return [...run, reason ?? null, keys]
  return reason === undefined ? run : [...run, reason]
}

/** undefined where none has any. */
function keysOf(entries: readonly EntryFields[], from: number, to: number): (number | null)[] | undefined {
  const keys: (number | null)[] = []
  let hasAny = false
  for (let at = from; at < to; at++) {
    const key = (entries[at] as EntryFields).key
    hasAny ||= key !== undefined
    keys.push(key ?? null)
  }
  return hasAny ? keys : undefined
}

export function* entriesOf(runs: readonly EntryRun[]): Generator<EntryFields> {
  for (const [first, count, attempt, consumer, deadline, grantedMs, isOut, reason, keys] of runs) {
    for (let index = 0; index < count; index++) {
      const key = keys?.[index] ?? undefined
      yield {
        offset: first + index,
        key,
        attempt,
        consumer,
        deadline,
        grantedMs,
        isOut: isOut === 1,
        reason: reason ?? undefined,
      }
    }
  }
}

/** `offsets` ascending. */
export function offsetRuns(offsets: readonly number[]): number[] {
  const runs: number[] = []
  for (const offset of offsets) {
    const at = runs.length - 2
    if (at >= 0 && offset === (runs[at] as number) + (runs[at + 1] as number)) runs[at + 1] = (runs[at + 1] as number) + 1
    else runs.push(offset, 1)
  }
  return runs
}
