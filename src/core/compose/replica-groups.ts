// How far the groups of a queue have come, carried over to its copy, so that consumers go on there. What a group had
// acknowledged beyond the oldest record that it had not is delivered again at the copy: at least once, as ever.

import { isStorageError } from '../base/errors.js'
import type { GroupBounds, GroupOrdering, GroupPort, RecordStream } from '../ports/stream-broker.js'

export class ReplicaGroups {
  readonly #sources: readonly RecordStream[]
  readonly #targets: readonly RecordStream[]
  /** By bucket and name: what need not be looked at again. */
  readonly #carried = new Map<string, number>()

  constructor(sources: readonly RecordStream[], targets: readonly RecordStream[]) {
    this.#sources = sources
    this.#targets = targets
  }

  /** Groups that the copy lacks are made; positions only go forward. */
  async carry(): Promise<void> {
    for (const [bucket, source] of this.#sources.entries()) {
      for (const name of await source.groups()) await this.#carryOne(bucket, name)
    }
  }

  async #carryOne(bucket: number, name: string): Promise<void> {
    const [source, target] = [this.#sources[bucket] as RecordStream, this.#targets[bucket] as RecordStream]
    const found = await findGroup(source, name)
    if (found === undefined) return
    const id = `${bucket}/${name}`
    const { ordering, bounds } = found
    const { committed } = bounds
    if (this.#carried.get(id) === committed) return
    const { next } = await target.bounds()
    const to = Math.min(committed, next) // the copy lags, or its source ends in a gap
    const group = await target.group(name, { from: to, ordering })
    if ((await group.state()).committed < to) await group.commit(to)
    if (to === committed) this.#carried.set(id, committed)
  }
}

export interface FoundGroup {
  readonly group: GroupPort
  readonly bounds: GroupBounds
  readonly ordering: GroupOrdering
}

/** undefined where the group was deleted meanwhile. Its ordering is the one that it may be opened with. */
export async function findGroup(stream: RecordStream, name: string): Promise<FoundGroup | undefined> {
  for (const ordering of ['none', 'key'] as const) {
    try {
      const group = await stream.group(name, { create: false, ordering })
      return { group, ordering, bounds: await group.state() }
    } catch (error) {
      if (isStorageError(error, 'missing')) return undefined
      if (ordering === 'key' || !isStorageError(error, 'invalid')) throw error
    }
  }
  return undefined
}
