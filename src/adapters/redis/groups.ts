// The groups of a stream: native ones, and those with an order by key, which no native group has.

import type { Clock } from '../../core/base/clock.js'
import { StorageError } from '../../core/base/errors.js'
import { StreamGroups } from '../../core/derived/groups.js'
import type { GroupPort, GroupPortOptions, RecordStream } from '../../core/ports/stream-broker.js'
import { type Reply, textOf } from './connection.js'
import { NAME } from './errors.js'
import { missing, RedisGroup } from './group.js'
import { CREATE_GROUP, DELETE_GROUP, GROUP_NAMES, GROUP_STATE } from './group-scripts.js'
import { groupSource } from './group-source.js'
import type { StreamCore } from './stream-core.js'

export class RedisGroups {
  readonly #core: StreamCore
  readonly #clock: Clock
  /** Those with an order by key: their state lies in blobs. */
  readonly #ordered: StreamGroups

  constructor(core: StreamCore, source: RecordStream, clock: Clock) {
    const { blobs, name } = core
    this.#core = core
    this.#clock = clock
    this.#ordered = new StreamGroups(groupSource(core, source), { blobs, clock, path: name, writable: true, beforeWrite: () => undefined })
  }

  async open(name: string, options: GroupPortOptions = {}): Promise<GroupPort> {
    const { ordering } = options
    const isOrdered = (await this.#ordered.names()).includes(name)
    if (isOrdered) return this.#ordered.open(name, options)
    const answer = await this.#openNative(name, ordering === 'key' ? { ...options, create: false } : options)
    if (answer === 'missing' && ordering === 'key') return this.#ordered.open(name, options)
    if (answer === 'missing') throw missing(name)
    if (answer === 'closed') throw refusal('closed', 'the stream was deleted', name)
    if (answer === 'conflict' || (ordering === 'key' && options.create === 'new'))
      throw refusal('conflict', 'there is such a group already', name)
    if (ordering === 'key') throw refusal('invalid', 'the ordering of a group is fixed when it is created', name)
    const { visibilityMs, maxPending } = options
    return new RedisGroup({ core: this.#core, clock: this.#clock, name, visibilityMs, maxPending })
  }

  async names(): Promise<readonly string[]> {
    const { connection, keys } = this.#core
    const names = (await connection.run(GROUP_NAMES, [keys.stream], [], 'groups')) as readonly Reply[]
    return [...names.map(textOf), ...(await this.#ordered.names())]
  }

  async delete(name: string): Promise<void> {
    const { connection, keys } = this.#core
    await this.#ordered.delete(name)
    const names = [keys.stream, keys.deadlinePrefix + name, keys.groupPrefix + name, keys.runPrefix + name]
    await connection.run(DELETE_GROUP, names, [name], 'deleteGroup', name)
  }

  /** Below this offset all is acknowledged; 0 for a group that does not exist. */
  async committed(name: string): Promise<number> {
    const { connection, keys } = this.#core
    const names = [keys.stream, keys.meta, keys.groupPrefix + name]
    const [committed] = (await connection.run(GROUP_STATE, names, [name], 'group', name)) as [number]
    return committed >= 0 ? committed : this.#ordered.committed(name)
  }

  close(): Promise<void> {
    return this.#ordered.close()
  }

  async #openNative(name: string, { from = 0, create = true }: GroupPortOptions): Promise<string> {
    const { connection, keys } = this.#core
    return textOf(await connection.run(CREATE_GROUP, [keys.stream, keys.meta], [name, from, String(create)], 'group', name))
  }
}

function refusal(code: 'conflict' | 'closed' | 'invalid', message: string, group: string): StorageError {
  return new StorageError(code, message, { backend: NAME, operation: 'group', facts: { group } })
}
