// FastCDC over a stream: no more is held than one piece may need, and what came last.

import { concatBytes } from '../../base/bytes.js'
import { StorageError } from '../../base/errors.js'
import type { Cancellable } from '../../ports/options.js'
import { lookAhead, type PieceClass, pieceEnd } from './fast-cdc.js'

export type ByteSource = ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>

/** The pieces in order, in memory of their own. Cancels the source when it ends early; an aborted signal waits for nothing. */
export async function* cutStream(source: ByteSource, of: PieceClass, options: Cancellable = {}): AsyncGenerator<Uint8Array> {
  const buffer = new PieceBuffer(of)
  for await (const bytes of readBytes(source, options.signal)) {
    buffer.push(bytes)
    yield* buffer.take(false)
  }
  yield* buffer.take(true)
}

class PieceBuffer {
  readonly #of: PieceClass
  #held: Uint8Array[] = []
  #heldBytes = 0
  #position = 0

  constructor(of: PieceClass) {
    this.#of = of
  }

  /** A copy: the source may write into its bytes again. */
  push(bytes: Uint8Array): void {
    this.#held.push(bytes.slice())
    this.#heldBytes += bytes.length
  }

  /** The pieces whose end is certain. */
  *take(isEnd: boolean): Generator<Uint8Array> {
    if (!this.#isCertain(this.#heldBytes, isEnd)) return
    const bytes = this.#held.length === 1 ? (this.#held[0] as Uint8Array) : concatBytes(this.#held)
    let at = 0
    while (this.#isCertain(bytes.length - at, isEnd)) {
      const end = pieceEnd(bytes, at, bytes.length, { position: this.#position, of: this.#of })
      this.#position += end - at
      yield bytes.slice(at, end)
      at = end
    }
    this.#held = [bytes.slice(at)]
    this.#heldBytes = bytes.length - at
  }

  #isCertain(bytes: number, isEnd: boolean): boolean {
    return bytes > 0 && (isEnd || bytes >= lookAhead({ position: this.#position, of: this.#of }))
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
