// What a group must still know in whatever a crash left: no acknowledgement undone beyond its durability, every other record
// delivered, attempts counted on, and a position past what is gone put back, and told.

import type { Group, Queue } from 'varve'
import type { CrashState } from 'varve/testing'
import type { Met } from './group-diary.js'
import { GROUP, type Life } from './workload.js'

type Content = readonly (readonly string[])[]

export interface GroupCheck {
  readonly life: Life
  readonly state: CrashState
  /** What the log held when the crash was looked at first; records behind it were appended since. */
  readonly left: Content
  readonly content: Content
}

/** To be called once in a store that nobody else consumes; `isFirst` when the group was not opened since the crash. */
export async function checkGroup(queue: Queue<string>, check: GroupCheck, isFirst: boolean): Promise<void> {
  const rewinds = new Map<number, { readonly from: number; readonly to: number }>()
  const stop = queue.watch((event) => {
    if (event.type === 'rewound') rewinds.set(event.bucket, event)
  })
  const group = await queue.group(GROUP)
  stop()
  if (isFirst) expectRewinds(check, rewinds)
  const known = knownOf(check)
  expectFloors(check, known, await group.committed())
  await expectDeliveries(check, known, group)
}

/** The group had gone so far in each bucket for certain: a log that ends before it sends the group back to its end. */
function expectRewinds(
  { life, state, left }: GroupCheck,
  rewinds: ReadonlyMap<number, { readonly from: number; readonly to: number }>,
): void {
  for (const [bucket, values] of left.entries()) {
    const reached = Math.max(
      0,
      ...life.group.receives.filter((met) => met.bucket === bucket && isRequired(met, state)).map(({ offset }) => offset + 1),
    )
    const rewound = rewinds.get(bucket)
    if (rewound === undefined) {
      if (reached > values.length)
        throw new Error(`the group skips from ${values.length} to ${reached} in bucket ${bucket}, and nobody is told`)
    } else if (rewound.to !== values.length || rewound.from <= rewound.to || rewound.from < reached) {
      throw new Error(`bucket ${bucket} ends at ${values.length}, the group had reached ${reached}, told was ${JSON.stringify(rewound)}`)
    }
  }
}

function expectFloors(check: GroupCheck, known: Known, committed: readonly number[]): void {
  for (const [bucket, values] of check.content.entries()) {
    const [least, most] = [known.certain, known.possible].map((acked) => {
      const first = values.findIndex((_, offset) => !acked.has(`${bucket} ${offset}`))
      return first === -1 ? values.length : first
    }) as [number, number]
    const floor = committed[bucket] as number
    if (floor < least || floor > most) throw new Error(`bucket ${bucket} is committed up to ${floor}, not from ${least} to ${most}`)
  }
}

async function expectDeliveries({ content }: GroupCheck, known: Known, group: Group<string>): Promise<void> {
  const deliveries = new Map(
    (await group.receive({ limit: 10_000 })).map((delivery) => [`${delivery.bucket} ${delivery.offset}`, delivery]),
  )
  for (const [bucket, values] of content.entries()) {
    for (const [offset, value] of values.entries()) {
      const place = `${bucket} ${offset}`
      const delivery = deliveries.get(place)
      deliveries.delete(place)
      if (delivery === undefined && !known.possible.has(place)) throw new Error(`bucket ${bucket} skips ${offset}: ${value}`)
      if (delivery === undefined) continue
      if (known.certain.has(place)) throw new Error(`bucket ${bucket} delivers ${offset} again: ${value}`)
      if (delivery.value !== value) throw new Error(`bucket ${bucket} delivers ${delivery.value} as ${offset}, which is ${value}`)
      const attempts = known.attempts.get(place) ?? 0
      if (delivery.deliveries <= attempts)
        throw new Error(`attempt ${delivery.deliveries} of ${offset} in bucket ${bucket} comes after ${attempts}`)
    }
  }
  if (deliveries.size > 0) throw new Error(`delivered, and not in the log: ${[...deliveries.keys()].join(', ')}`)
}

/** By bucket and offset, of the records that are still there. */
interface Known {
  /** Acknowledged for certain. */
  readonly certain: ReadonlySet<string>
  /** Acknowledged for certain, or perhaps. */
  readonly possible: ReadonlySet<string>
  /** Greatest attempt that was certainly recorded. */
  readonly attempts: ReadonlyMap<string, number>
}

function knownOf({ life, state, content }: GroupCheck): Known {
  const [certain, possible, attempts] = [new Set<string>(), new Set<string>(), new Map<string, number>()]
  const isThere = (met: Met): boolean => content[met.bucket]?.[met.offset] === met.value
  for (const ack of life.group.acks) {
    if (ack.begunAt >= state.operations || !isThere(ack)) continue
    possible.add(`${ack.bucket} ${ack.offset}`)
    if (isRequired(ack, state)) certain.add(`${ack.bucket} ${ack.offset}`)
  }
  for (const met of life.group.receives) {
    const place = `${met.bucket} ${met.offset}`
    if (met.attempt > (attempts.get(place) ?? 0) && isThere(met) && isRequired(met, state)) attempts.set(place, met.attempt)
  }
  return { certain, possible, attempts }
}

/** Whether a crash that left this state must have kept what was promised at these times. */
export function isRequired(promise: { readonly acknowledgedAt: number; readonly durableAt: number }, state: CrashState): boolean {
  if (state.failure === 'power') return promise.durableAt <= state.operations
  return state.isCut ? promise.acknowledgedAt < state.operations : promise.acknowledgedAt <= state.operations
}
