// FastCDC over a stream: no more is held than one piece may need, and what came last.

import { StorageError } from '../../base/errors.js'
import type { Cancellable } from '../../ports/options.js'
import { lookAhead, type PieceClass, pieceEnd } from './fast-cdc.js'

/** As many times what has to be at hand is held at the most, where pieces of the source are no longer. */
const ROOM = 2

export type ByteSource = ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>

/**
 * The pieces in order, each in memory that is used again once the next one is asked for. Cancels the source when it ends early;
 * an aborted signal waits for nothing.
 */
export async function* cutStream(source: ByteSource, of: PieceClass, options: Cancellable = {}): AsyncGenerator<Uint8Array> {
  const buffer = new PieceBuffer(of)
  for await (const bytes of readBytes(source, options.signal)) {
    buffer.push(bytes)
    yield* buffer.take(false)
  }
  yield* buffer.take(true)
}

/** What came and is not cut yet; pieces are views of it. */
class PieceBuffer {
  readonly #of: PieceClass
  #bytes = new Uint8Array(0)
  #start = 0
  #end = 0
  #position = 0

  constructor(of: PieceClass) {
    this.#of = of
  }

  /** A copy: the source may write into its bytes again. */
  push(bytes: Uint8Array): void {
    if (this.#end + bytes.length > this.#bytes.length) this.#makeRoom(bytes.length)
    this.#bytes.set(bytes, this.#end)
    this.#end += bytes.length
  }

  /** The pieces whose end is certain. */
  *take(isEnd: boolean): Generator<Uint8Array> {
    while (this.#isCertain(this.#end - this.#start, isEnd)) {
      const end = pieceEnd(this.#bytes, this.#start, this.#end, { position: this.#position, of: this.#of })
      const piece = this.#bytes.subarray(this.#start, end)
      this.#position += piece.length
      this.#start = end
      yield piece
    }
  }

  /** For the next ones too: what is held is not to be moved at every turn. */
  #makeRoom(coming: number): void {
    const held = this.#bytes.subarray(this.#start, this.#end)
    const roomy = Math.min(this.#bytes.length * 2, ROOM * this.#lookAhead)
    const needed = Math.max(held.length + coming, roomy)
    if (needed > this.#bytes.length) this.#bytes = new Uint8Array(needed)
    this.#bytes.set(held)
    this.#start = 0
    this.#end = held.length
  }

  get #lookAhead(): number {
    return lookAhead({ position: this.#position, of: this.#of })
  }

  #isCertain(bytes: number, isEnd: boolean): boolean {
    return bytes > 0 && (isEnd || bytes >= this.#lookAhead)
  }
}

async function* readBytes(source: ByteSource, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  const pull = pullFrom(source)
  let isDone = false
  try {
    for (;;) {
      const { done, value } = await untilAborted(pull.next(), signal)
      isDone = done === true
      if (isDone) return
      yield checkBytes(value)
    }
  } finally {
    if (!isDone) await stop(pull, signal)
  }
}

interface Pull {
  next(): Promise<{ readonly done?: boolean | undefined; readonly value?: unknown }>
  stop(): Promise<unknown> | undefined
}

function pullFrom(source: ByteSource): Pull {
  if ('getReader' in source) {
    const reader = source.getReader()
    return { next: () => reader.read(), stop: () => reader.cancel() }
  }
  const items = source[Symbol.asyncIterator]()
  return { next: () => items.next(), stop: () => items.return?.() }
}

/** A source that hangs may not even stop. */
async function stop(pull: Pull, signal: AbortSignal | undefined): Promise<void> {
  const stopping = Promise.resolve(pull.stop()).catch(() => {})
  if (signal?.aborted !== true) await stopping
}

function untilAborted<Result>(work: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    const settled = (): void => signal.removeEventListener('abort', abort)
    work.then(resolve, reject).then(settled, settled)
  })
}

function checkBytes(bytes: unknown): Uint8Array {
  if (bytes instanceof Uint8Array) return bytes
  throw new StorageError('invalid', 'a stream of a state gives Uint8Arrays', { facts: { type: typeof bytes } })
}
