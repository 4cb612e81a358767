// Saving by the clock: one save at a time, the next is due so long after the last was.

import { asyncDispose } from '../../base/async-dispose.js'
import { StorageError } from '../../base/errors.js'
import { Mutex } from '../../base/mutex.js'
import { sha256Hex } from '../../codec/hash.js'
import type { SnapshotPlace } from './place.js'
import { checkBranch, type SaveRequest, takeRequest } from './save-request.js'
import type { AutoOptions, AutoSave } from './save-types.js'
import type { SnapshotInfo } from './types.js'

export interface AutoSaverOptions<State> {
  readonly place: SnapshotPlace
  readonly state: () => State | Promise<State>
  readonly options: AutoOptions
  readonly save: (request: SaveRequest) => Promise<SnapshotInfo>
  readonly onStop: (saver: AutoSaver<State>) => void
}

export class AutoSaver<State> implements AutoSave {
  readonly #given: AutoSaverOptions<State>
  readonly #turns = new Mutex()
  #cancel: () => void
  #stopped = false

  constructor(given: AutoSaverOptions<State>) {
    checkOptions(given.options)
    const { backend } = given.place.context
    if (backend.requestScoped) {
      const message = 'nothing runs between requests here: save in the request, or from a scheduled one'
      throw new StorageError('unsupported', message, { backend: backend.name, operation: 'auto' })
    }
    this.#given = given
    this.#cancel = this.#next()
  }

  async saveNow(): Promise<SnapshotInfo | undefined> {
    if (this.#stopped) throw new StorageError('closed', 'saving was stopped', { operation: 'saveNow' })
    return await this.#turns.run(() => this.#save())
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel()
    this.#given.onStop(this)
    await this.#turns.run(async () => {})
  }

  close(): Promise<void> {
    return this.stop()
  }

  [asyncDispose](): Promise<void> {
    return this.stop()
  }

  #next(): () => void {
    const { place, options } = this.#given
    return place.context.clock.after(options.everyMs, () => {
      void this.#turns
        .run(async () => {
          if (!this.#stopped) await this.#save()
        })
        .catch((error: unknown) => this.#failed(error))
        .then(() => {
          if (!this.#stopped) this.#cancel = this.#next()
        })
    })
  }

  async #save(): Promise<SnapshotInfo | undefined> {
    const { place, state, options, save } = this.#given
    const { onlyWhenChanged = true } = options
    const { agent, session, branch, tags = [] } = options
    const ref = { agent, session, ...(branch === undefined ? {} : { branch }) }
    const request = takeRequest({ ...ref, tags, state: await state() }, place.codec)
    if (onlyWhenChanged && (await this.#isSaved(request))) return undefined
    return await save(request)
  }

  async #isSaved({ content, details }: SaveRequest): Promise<boolean> {
    const { index } = this.#given.place
    const head = await index.head(details, details.branch)
    if (head === undefined || !('tree' in content)) return false
    const info = await index.info(head)
    return info?.bytes === content.bytes.length && info.contentHash === (await sha256Hex(content.bytes))
  }

  /** Without a listener, or where that fails too, it is the host's to report, as for an event. */
  #failed(error: unknown): void {
    const { onError = report } = this.#given.options
    try {
      onError(error)
    } catch (failure) {
      report(failure)
    }
  }
}

function report(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}

function checkOptions(options: AutoOptions): void {
  const { agent, session, everyMs } = options ?? {}
  if (agent === undefined || session === undefined || everyMs === undefined) {
    throw new StorageError('invalid', 'auto needs { agent, session, everyMs }', { operation: 'auto' })
  }
  checkBranch(options)
  if (!(everyMs > 0)) throw new StorageError('invalid', 'everyMs is more than 0', { operation: 'auto', facts: { everyMs } })
}
