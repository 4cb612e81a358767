// The limit in Node: the same records as JSON lines, written to a plain file and synced, with no frame, checksum or index.

import { closeSync, fdatasync, openSync, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import { encodeText } from './payload.mjs'

const sync = promisify(fdatasync)

export class RawLog {
  #fd
  #waiting = []
  #isRunning = false
  #encode
  #isSynced

  constructor(path, { encode = (records) => Buffer.from(encodeText(records)), isSynced = true } = {}) {
    this.#fd = openSync(path, 'a')
    this.#encode = encode
    this.#isSynced = isSynced
  }

  /** One synchronous write, one asynchronous sync. */
  async write(records) {
    const bytes = this.#encode(records)
    let done = 0
    while (done < bytes.length) done += writeSync(this.#fd, bytes, done)
    if (this.#isSynced) await sync(this.#fd)
  }

  /** Group commit: while one write is being synced, callers queue; the next takes them all. */
  append(record) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ record, resolve, reject })
      if (!this.#isRunning) void this.#run()
    })
  }

  close() {
    closeSync(this.#fd)
  }

  async #run() {
    this.#isRunning = true
    await undefined // callers of the same turn share the first commit
    while (this.#waiting.length > 0) {
      const taken = this.#waiting.splice(0)
      try {
        await this.write(taken.map(({ record }) => record))
        for (const { resolve } of taken) resolve()
      } catch (error) {
        for (const { reject } of taken) reject(error)
      }
    }
    this.#isRunning = false
  }
}
