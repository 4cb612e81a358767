// Wake-ups inside the process, and to readers in other processes through the times of small files where the system
// tells about changes.

import { createHash } from 'node:crypto'
import { closeSync, constants, type FSWatcher, lutimes, openSync, watch } from 'node:fs'
import { join } from 'node:path'
import { localSignals } from '../../core/derived/local-signals.js'
import type { SignalBus } from '../../core/ports/signal-bus.js'
import type { Directory } from './directory.js'
import { isMissing } from './errors.js'
import type { Place } from './place.js'

const FOLDER = 'signals'
const CREATE = constants.O_WRONLY | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0)
/** More often than this nobody outside needs to hear of one topic. */
const QUIET_MS = 20

export class NodeSignals implements SignalBus {
  readonly #place: Place
  readonly #local: SignalBus = localSignals()
  readonly #listening = new Map<string, { readonly topic: string; count: number }>()
  readonly #pending = new Map<string, NodeJS.Timeout>()
  #watcher: FSWatcher | undefined
  #closed = false

  constructor(place: Place) {
    this.#place = place
  }

  send(topic: string): void {
    this.#local.send(topic)
    if (this.#closed || this.#pending.has(topic)) return
    const timer = setTimeout(() => {
      this.#pending.delete(topic)
      this.#touch(topic)
    }, QUIET_MS)
    timer.unref()
    this.#pending.set(topic, timer)
  }

  listen(topic: string, wake: () => void): () => void {
    const stop = this.#local.listen(topic, wake)
    const file = fileOf(topic)
    const entry = this.#listening.get(file) ?? { topic, count: 0 }
    entry.count++
    this.#listening.set(file, entry)
    if (!this.#closed) this.#startWatching()
    let stopped = false
    return () => {
      if (stopped) return
      stopped = true
      stop()
      this.#forget(file, entry)
    }
  }

  close(): void {
    this.#closed = true
    for (const timer of this.#pending.values()) clearTimeout(timer)
    this.#pending.clear()
    this.#stopWatching()
  }

  #forget(file: string, entry: { count: number }): void {
    if (--entry.count > 0) return
    this.#listening.delete(file)
    if (this.#listening.size === 0) this.#stopWatching()
  }

  /**
   * Only the owner of a directory changes anything in it. Off the event loop, and without cutting the file: while the system
   * writes its journal, that takes longer than an append.
   */
  #touch(topic: string): void {
    const directory = this.#place.existing()
    if (directory?.isOwned !== true) return
    const now = new Date()
    lutimes(join(directory.root, FOLDER, fileOf(topic)), now, now, (error) => {
      if (isMissing(error) && !this.#closed) this.#make(directory, topic)
    })
  }

  #make(directory: Directory, topic: string): void {
    try {
      if (directory.isOwned) closeSync(openSync(join(directory.makeFolder(join(directory.root, FOLDER)), fileOf(topic)), CREATE, 0o600))
    } catch {
      // A lost signal costs latency only.
    }
  }

  #startWatching(): void {
    if (this.#watcher !== undefined) return
    try {
      const directory = this.#place.existing()
      if (directory === undefined) return
      if (directory.isOwned) directory.makeFolder(join(directory.root, FOLDER))
      this.#watcher = watch(join(directory.root, FOLDER), { persistent: false }, (_event, file) => this.#heard(file))
      this.#watcher.on('error', () => this.#stopWatching())
    } catch {
      // Nothing to watch yet or no watches left: listeners look again by themselves once a second.
    }
  }

  #stopWatching(): void {
    this.#watcher?.close()
    this.#watcher = undefined
  }

  #heard(file: string | null): void {
    if (file === null) for (const entry of this.#listening.values()) this.#local.send(entry.topic)
    else if (this.#listening.has(file)) this.#local.send(this.#listening.get(file)?.topic as string)
  }
}

function fileOf(topic: string): string {
  return createHash('sha256').update(topic).digest('hex').slice(0, 40)
}
