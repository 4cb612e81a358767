// Exactly once out of at least once. The state knows for each bucket the next offset that it has not folded; a snapshot holds
// both, so that they never part. Deliveries below it were folded before; what lies between it and a delivery, because an
// earlier consumer acknowledged it and died before its next snapshot, is read again from the log.

import { Analysis } from './analysis.mjs'
import { SESSION } from './names.mjs'

const PAGE = 500

export class Folding {
  #queue
  #snapshots
  #sumField
  #every
  #analysis
  #next
  #sinceSnapshot = 0
  counters = { folded: 0, replayed: 0, redelivered: 0, snapshots: 0, restoredFrom: undefined }

  /** A snapshot is saved after every `every` records. */
  constructor({ queue, snapshots, sumField, every }) {
    this.#queue = queue
    this.#snapshots = snapshots
    this.#sumField = sumField
    this.#every = every
    this.#analysis = new Analysis(sumField)
    this.#next = Array.from({ length: queue.buckets }, () => 0)
  }

  /** Takes the newest snapshot, then reads from the log what was acknowledged after it. */
  async restore(committed) {
    const info = await this.#snapshots.latest(SESSION)
    if (info !== undefined) {
      this.#analysis = new Analysis(this.#sumField, await this.#snapshots.load(info.id))
      this.#next = [...info.metadata.offsets]
      this.counters.restoredFrom = info.index
    }
    for (const [bucket, offset] of committed.entries()) await this.#replay(bucket, offset)
  }

  async take({ bucket, offset, deliveries, key, value }) {
    if (deliveries > 1) this.counters.redelivered++
    await this.#replay(bucket, offset)
    if (offset === this.#next[bucket]) await this.#fold({ bucket, offset, key, value })
  }

  /** A last snapshot, unless the newest one holds all there is. */
  async finish() {
    if (this.#sinceSnapshot > 0) await this.#save()
  }

  async #replay(bucket, end) {
    while (this.#next[bucket] < end) {
      const from = this.#next[bucket]
      const records = await this.#queue.read({ bucket, from, limit: Math.min(PAGE, end - from) })
      if (records.length === 0) throw new Error(`the log of bucket ${bucket} ends at ${from}, but ${end} was acknowledged or delivered`)
      for (const record of records) await this.#fold(record)
      this.counters.replayed += records.length
    }
  }

  async #fold({ bucket, offset, key, value }) {
    if (offset !== this.#next[bucket]) throw new Error(`bucket ${bucket}: offset ${offset} where ${this.#next[bucket]} should be`)
    this.#analysis.add(key, value)
    this.#next[bucket] = offset + 1
    this.counters.folded++
    this.#sinceSnapshot++
    if (this.#sinceSnapshot >= this.#every) await this.#save()
  }

  async #save() {
    await this.#snapshots.save({ ...SESSION, state: this.#analysis.state(), metadata: { offsets: this.#next } })
    this.#sinceSnapshot = 0
    this.counters.snapshots++
  }
}
