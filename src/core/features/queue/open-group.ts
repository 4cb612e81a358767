import { addDependent } from '../../base/dependents.js'
import type { Clock } from '../../base/clock.js'
import { isStorageError, StorageError } from '../../base/errors.js'
import { checkName } from '../../base/key.js'
import type { GroupBounds, GroupPort, StreamRecord } from '../../ports/stream-broker.js'
import { DeadLetterBox } from './dead-letter-box.js'
import { GroupHandle } from './group-handle.js'
import { checkGroupOptions, type GroupRules } from './group-options.js'
import type { AnyQueue, Group, GroupOptions } from './group-types.js'
import { offsetOf } from './position.js'
import { type RawQueue, rawOf } from './raw-queue.js'
import type { StoredRecord } from './record-types.js'

export interface OpenGroupInput<T> {
  readonly name: string
  readonly options: GroupOptions
  /** The queue: what is opened for the group is closed with it. */
  readonly owner: AnyQueue
  readonly clock: Clock
  readonly decode: (bucket: number, records: readonly StreamRecord[]) => Promise<readonly StoredRecord<T>[]>
  readonly rewound: (bucket: number, positions: NonNullable<GroupBounds['rewound']>) => void
}

export async function openGroup<T>({ name, options, owner, clock, decode, rewound }: OpenGroupInput<T>): Promise<Group<T>> {
  const queue = rawOf(owner)
  const rules = checkGroupOptions(options)
  const target = deadLetterQueue(owner, queue, options)
  const ports = await openPorts(queue, name, options, rules)
  const { maxDeliveries } = rules
  const deadLetters = target && new DeadLetterBox({ group: name, origin: queue, ports, maxDeliveries, target, clock })
  const handle = new GroupHandle<T>({ name, ports, streams: queue.streams, decode, clock, rules, deadLetters })
  for (const [bucket, port] of ports.entries()) {
    const state = await port.state()
    if (state.rewound !== undefined) rewound(bucket, state.rewound)
  }
  return handle
}

/** The first bucket says whether there is such a group; the others follow, also after a crash that left them out. */
async function openPorts(queue: RawQueue, name: string, options: GroupOptions, { port }: GroupRules): Promise<GroupPort[]> {
  const { create, ...common } = port
  const ports: GroupPort[] = []
  for (const [bucket, stream] of queue.streams.entries()) {
    const from = await offsetOf(stream, options.from ?? 'earliest')
    ports.push(await stream.group(name, { ...common, from, ...(bucket > 0 || create === undefined ? {} : { create }) }))
  }
  return ports
}

/** How to come by it. */
function deadLetterQueue(owner: AnyQueue, queue: RawQueue, { deadLetters }: GroupOptions): (() => Promise<RawQueue>) | undefined {
  if (deadLetters === undefined) return undefined
  if (typeof deadLetters === 'string') checkName('queue name', deadLetters)
  const given = typeof deadLetters === 'string' ? undefined : rawOf(deadLetters)
  if (deadLetters === queue.name || given?.incarnation === queue.incarnation) {
    throw new StorageError('invalid', 'a queue cannot keep its own dead letters: the group would get them again', {
      operation: 'group',
      facts: { queue: queue.name },
    })
  }
  return given === undefined ? once(() => openDeadLetters(owner, queue, deadLetters as string)) : async () => given
}

/** In the format of its queue, where it is new. */
async function openDeadLetters(owner: AnyQueue, { openBeside, format }: RawQueue, name: string): Promise<RawQueue> {
  const opened = await openBeside(name, { create: false }).catch((error) => {
    if (!isStorageError(error, 'missing')) throw error
    return openBeside(name, format === undefined ? {} : { format })
  })
  addDependent(owner, opened)
  return rawOf(opened)
}

/** A failure is forgotten. */
function once<Result>(make: () => Promise<Result>): () => Promise<Result> {
  let made: Promise<Result> | undefined
  return () => {
    made ??= make().catch((error) => {
      made = undefined
      throw error
    })
    return made
  }
}
