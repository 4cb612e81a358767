// One seed decides in which order clients of one store come to their turns: before and after every call of a port a client
// waits until it is chosen. Time passes only when nobody can go on.

import type { Backend } from 'varve'
import { StorageError } from '../../dist/core/base/errors.js'
import type { Lock } from '../../dist/core/ports/lock-manager.js'
import { ManualClock, seededRandom } from 'varve/testing'

/** So many turns of the event loop without anybody to choose mean that something waits for ever. */
const STUCK_TURNS = 10_000
/** Time passes in steps that grow while nobody can go on. */
const MAX_STEP_MS = 1_000

export interface Faults {
  /** Share of the changes that fail and do nothing. */
  readonly fail: number
  /** Share of the changes that are done and whose answer is lost. */
  readonly lose: number
}

const NO_FAULTS: Faults = { fail: 0, lose: 0 }
const CHANGES = new Set(['put', 'batch', 'delete'])
/** What a backend with files refuses to an owner that lost its lock, in the same moment in which it would be done. */
const OWNED = new Set([...CHANGES, 'append'])

export class Scheduler {
  readonly #random: () => number
  readonly #clocks: ManualClock[] = []
  readonly #faults: Faults
  #waiting: (() => void)[] = []
  #now = 0

  constructor(seed: number, faults: Faults = NO_FAULTS) {
    this.#random = seededRandom(seed)
    this.#faults = faults
  }

  /** Rises with every look: the time of calls and returns. */
  get now(): number {
    return ++this.#now
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  isChosen(share: number): boolean {
    return this.#random() < share
  }

  clock(): ManualClock {
    const clock = new ManualClock({ seed: this.below(2 ** 30) })
    this.#clocks.push(clock)
    return clock
  }

  /** Time goes on for everybody, also for those who wait for their turn. */
  async pass(ms: number): Promise<void> {
    for (const clock of this.#clocks) await clock.advance(ms)
  }

  turn(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Lets the tasks go on, one call at a time, until all have ended. */
  async run(tasks: readonly Promise<void>[]): Promise<void> {
    let isDone = false
    const all = Promise.all(tasks).finally(() => {
      isDone = true
    })
    all.catch(() => {})
    let step = 0
    for (let idle = 0; !isDone; idle++) {
      await new Promise(setImmediate)
      const next = this.#waiting.splice(this.below(this.#waiting.length), 1)[0]
      if (next !== undefined) {
        idle = 0
        step = 0
        next()
      } else if (!isDone) {
        if (idle > STUCK_TURNS) throw new Error('nobody can go on')
        step = Math.min(MAX_STEP_MS, step + 50)
        if (this.#clocks.some(({ pending }) => pending > 0)) await this.pass(step)
      }
    }
    await all
  }

  /**
   * The backend as one client has it. Files have an owner: who lost the lock changes nothing more, as on node-fs. Without
   * `batch` it has one write a commit, as objects have it.
   */
  client(backend: Backend, batch = true): Backend {
    const { name, blobs, files, locks } = backend
    const owner: Owner = { lock: undefined }
    return {
      name,
      blobs: this.#port(blobs, owner, batch),
      ...(files === undefined ? {} : { files: this.#port(files, owner) }),
      ...(locks === undefined ? {} : { locks: this.#port(locks, owner) }),
      health: () => backend.health(),
      close: () => backend.close(),
    }
  }

  #port<Port extends object>(port: Port, owner: Owner, batch = true): Port {
    return new Proxy(port, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target)
        if (typeof member !== 'function') return member
        if (name === 'batch' && !batch) return undefined
        if (name === 'list') return this.#list(member.bind(target))
        return async (...args: readonly unknown[]) => {
          await this.turn()
          const isChange = CHANGES.has(String(name))
          if (isChange && this.isChosen(this.#faults.fail)) throw lost('nothing was done')
          if (OWNED.has(String(name)) && owner.lock?.held() === false) throw fenced()
          const result: unknown = await member.apply(target, args)
          if (name === 'acquire') owner.lock = (result as Lock | undefined) ?? owner.lock
          await this.turn()
          if (isChange && this.isChosen(this.#faults.lose)) throw lost('the answer was lost')
          return name === 'open' ? this.#port(result as object, owner) : result
        }
      },
    })
  }

  #list(list: (...args: readonly unknown[]) => AsyncIterable<unknown>) {
    const scheduler = this
    return async function* (...args: readonly unknown[]) {
      await scheduler.turn()
      yield* list(...args)
    }
  }
}

/** The lock of the store, once it was given. */
interface Owner {
  lock: Lock | undefined
}

function fenced(): StorageError {
  return new StorageError('fenced', 'another owner has the store', { backend: 'scheduled' })
}

function lost(message: string): StorageError {
  return new StorageError('unavailable', message, { backend: 'scheduled' })
}
