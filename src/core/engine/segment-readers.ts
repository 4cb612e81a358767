// Readers of segments by name, a few kept open: the one used longest ago makes room.

import type { SegmentReader } from './segment-reader.js'

const MOST_OPEN = 16

export class SegmentReaders {
  readonly #readers = new Map<string, Promise<SegmentReader>>()

  /** The reader of a segment, made by `open` unless there is one. */
  get(name: string, open: () => Promise<SegmentReader>): Promise<SegmentReader> {
    const known = this.#readers.get(name)
    if (known === undefined) return this.keep(name, open())
    this.#readers.delete(name)
    this.#readers.set(name, known) // used last
    return known
  }

  keep(name: string, reader: Promise<SegmentReader>): Promise<SegmentReader> {
    this.#readers.set(name, reader)
    reader.catch(() => {
      if (this.#readers.get(name) === reader) this.#readers.delete(name)
    })
    const [oldest] = this.#readers.keys()
    if (this.#readers.size > MOST_OPEN && oldest !== undefined) this.retire(oldest).catch(() => {}) // reads only: nothing is lost
    return reader
  }

  /** Closes it once no read needs it. */
  async retire(name: string): Promise<void> {
    const reader = this.#readers.get(name)
    this.#readers.delete(name)
    await (await reader)?.retire()
  }

  async retireAll(): Promise<void> {
    for (const name of [...this.#readers.keys()]) await this.retire(name)
  }
}
