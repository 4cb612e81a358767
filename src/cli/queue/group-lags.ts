import type { Queue } from '../../core/features/queue/types.js'

/** How far a group has come in a bucket. */
export interface GroupLagRow {
  readonly queue: string
  readonly group: string
  readonly bucket: number
  readonly next: number
  readonly committed: number
  readonly lag: number
}

/** Of all groups, or of one; a bucket each. */
export async function groupLags(queue: Queue<unknown>, only?: string): Promise<GroupLagRow[]> {
  const rows: GroupLagRow[] = []
  for (const name of only === undefined ? await queue.groups() : [only]) {
    const group = await queue.group(name)
    const [committed, { buckets }] = [await group.committed(), await group.lag()]
    for (const [bucket, lag] of buckets.entries()) {
      const at = committed[bucket] ?? 0
      rows.push({ queue: queue.name, group: name, bucket, next: at + lag, committed: at, lag })
    }
  }
  return rows
}
