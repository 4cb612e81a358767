// How often each source called. A record may be delivered twice, so the tally knows which offsets it has counted; and R2
// takes one write a second on one key, so handlers that run at the same time share one write.

import type { Kv } from 'varve'

export interface Tally {
  readonly counts: Readonly<Record<string, number>>
  /** Every offset below is counted. */
  readonly next: number
  /** Counted offsets that are not below `next`, ascending. */
  readonly ahead: readonly number[]
}

export interface Seen {
  readonly offset: number
  readonly source: string
}

export const EMPTY_TALLY: Tally = { counts: {}, next: 0, ahead: [] }

/** The tally with one more record; unchanged when the record is already in it. */
export function count(tally: Tally, { offset, source }: Seen): Tally {
  if (offset < tally.next || tally.ahead.includes(offset)) return tally
  const before = Object.hasOwn(tally.counts, source) ? (tally.counts[source] as number) : 0
  const ahead = [...tally.ahead, offset].sort((a, b) => a - b)
  let next = tally.next
  while (ahead[0] === next) next = (ahead.shift() as number) + 1
  return { counts: { ...tally.counts, [source]: before + 1 }, next, ahead }
}

/** Gives a function that counts a record and resolves when that is stored. While one write runs, the next one gathers. */
export function tallyWriter(kv: Kv<{ tally: Tally }>): (seen: Seen) => Promise<void> {
  let gathered: Seen[] = []
  let writing: Promise<unknown> = Promise.resolve()
  let following: Promise<void> | undefined

  const write = async (): Promise<void> => {
    const batch = gathered
    gathered = []
    following = undefined
    await kv.update('tally', (tally) => batch.reduce(count, tally ?? EMPTY_TALLY))
  }

  return (seen) => {
    gathered.push(seen)
    if (following === undefined) {
      following = writing.then(write)
      writing = following.catch(() => undefined)
    }
    return following
  }
}
