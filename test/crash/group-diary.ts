// What a consumer did in a life on the simulated disk: what it was given, and what it acknowledged, with the times between
// which a crash may or may not have kept it.

import type { Delivery, Group } from 'varve'
import type { Recording } from 'varve/testing'

/** One record as a group met it: by its value too, because after a loss another may have its offset. */
export interface Met {
  readonly bucket: number
  readonly offset: number
  readonly value: string
  /** Number of operations of the disk when the call began: an earlier crash knows nothing of it. */
  readonly begunAt: number
  /** The same when it resolved: a later kill must not undo it. Infinity while it has not. */
  acknowledgedAt: number
  /** The same for power failures. */
  durableAt: number
}

export interface Received extends Met {
  readonly attempt: number
}

/** Long enough that whatever was out is free again. */
export const A_DAY_MS = 86_400_000

export class GroupDiary {
  readonly acks: Met[] = []
  readonly receives: Received[] = []
  readonly #recording: Recording
  /** Whether what the group stores is put strictly. */
  readonly #isStrict: boolean
  readonly #random: () => number
  #held: Delivery<string>[] = []

  constructor(recording: Recording, options: { readonly isStrict: boolean; readonly random: () => number }) {
    this.#recording = recording
    this.#isStrict = options.isStrict
    this.#random = options.random
  }

  /** A life that begins in what another left: whatever is not delivered again was acknowledged then. */
  async begin(group: Group<string>, content: readonly (readonly string[])[]): Promise<void> {
    const delivered = await this.#receive(group, 10_000)
    const isDelivered = new Set(delivered.map(({ bucket, offset }) => `${bucket} ${offset}`))
    for (const [bucket, values] of content.entries()) {
      for (const [offset, value] of values.entries()) {
        if (!isDelivered.has(`${bucket} ${offset}`)) this.acks.push({ bucket, offset, value, begunAt: -1, acknowledgedAt: 0, durableAt: 0 })
      }
    }
  }

  /** One thing that consumers do. */
  async step(group: Group<string>): Promise<void> {
    const choice = this.#below(8)
    if (choice < 3 || this.#held.length === 0) await this.#receive(group, 1 + this.#below(4))
    else if (choice < 6) await this.#ack(group)
    else if (choice < 7) await group.nack(this.#take(1 + this.#below(2)), { delayMs: this.#below(2) })
    else await this.#commit(group)
  }

  async #receive(group: Group<string>, limit: number): Promise<readonly Delivery<string>[]> {
    const begunAt = this.#now()
    const deliveries = await group.receive({ limit })
    for (const { bucket, offset, value, deliveries: attempt } of deliveries)
      this.receives.push({ bucket, offset, value, attempt, begunAt, ...this.#done() })
    this.#held.push(...deliveries)
    return deliveries
  }

  /** One by one at once, or all in one call; by the group, because a session may have ended since the delivery. */
  async #ack(group: Group<string>): Promise<void> {
    const taken = this.#take(1 + this.#below(3))
    if (this.#below(2) === 0) await this.#noted(taken, () => group.ack(taken))
    else await Promise.all(taken.map((delivery) => this.#noted([delivery], () => group.ack([delivery]))))
  }

  /** Up to what was delivered: whatever lies below was delivered before. */
  async #commit(group: Group<string>): Promise<void> {
    const last = this.#held[this.#below(this.#held.length)] as Delivery<string>
    const isCovered = ({ bucket, offset }: { bucket: number; offset: number }): boolean => bucket === last.bucket && offset <= last.offset
    const covered = this.receives.filter(isCovered)
    this.#held = this.#held.filter((delivery) => !isCovered(delivery))
    await this.#noted(covered, () => group.commit(last.bucket, last.offset + 1))
  }

  async #noted(
    records: readonly { readonly bucket: number; readonly offset: number; readonly value: string }[],
    run: () => Promise<unknown>,
  ): Promise<void> {
    const begunAt = this.#now()
    const never = Number.POSITIVE_INFINITY
    const notes = records.map(
      ({ bucket, offset, value }): Met => ({ bucket, offset, value, begunAt, acknowledgedAt: never, durableAt: never }),
    )
    this.acks.push(...notes)
    await run()
    for (const note of notes) Object.assign(note, this.#done())
  }

  #take(count: number): Delivery<string>[] {
    return Array.from({ length: Math.min(count, this.#held.length) }, () => {
      const [delivery] = this.#held.splice(this.#below(this.#held.length), 1)
      return delivery as Delivery<string>
    })
  }

  #done(): Pick<Met, 'acknowledgedAt' | 'durableAt'> {
    const now = this.#now()
    return { acknowledgedAt: now, durableAt: this.#isStrict ? now : Number.POSITIVE_INFINITY }
  }

  #now(): number {
    return this.#recording.operations.length
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }
}
