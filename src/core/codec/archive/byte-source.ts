// Bytes of any stream, in the pieces that a reader asks for. What is asked for is kept as it comes, so that a length that
// lies takes no more memory than there are bytes.

import { concatBytes } from '../../base/bytes.js'
import { StorageError } from '../../base/errors.js'

/** The bytes themselves, a web stream, anything that yields bytes (a stream of Node does), or a Blob or File. */
export type ArchiveSource = Uint8Array | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | BlobLike

export interface BlobLike {
  stream(): ReadableStream<Uint8Array>
}

export class ByteSource {
  readonly #pieces: AsyncIterator<Uint8Array>
  #rest: Uint8Array = new Uint8Array(0)
  #position = 0

  constructor(source: ArchiveSource) {
    this.#pieces = piecesOf(source)
  }

  /** Bytes that were taken. */
  get position(): number {
    return this.#position
  }

  /** Fewer at the end. */
  async take(length: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    for (let left = length; left > 0; ) {
      if (this.#rest.length === 0 && !(await this.#next())) break
      const part = this.#rest.subarray(0, left)
      this.#rest = this.#rest.subarray(part.length)
      parts.push(part)
      left -= part.length
    }
    const taken = parts.length === 1 ? (parts[0] as Uint8Array) : concatBytes(parts)
    this.#position += taken.length
    return taken
  }

  /** What is at hand, or the next piece; undefined at the end. */
  async some(): Promise<Uint8Array | undefined> {
    if (this.#rest.length === 0 && !(await this.#next())) return undefined
    return await this.take(this.#rest.length)
  }

  async close(): Promise<void> {
    await this.#pieces.return?.()
  }

  async #next(): Promise<boolean> {
    for (;;) {
      const { done, value } = await this.#pieces.next()
      if (done === true) return false
      if (!(value instanceof Uint8Array))
        throw new StorageError('invalid', 'an archive is a stream of bytes', { facts: { got: typeof value } })
      this.#rest = value
      if (value.length > 0) return true
    }
  }
}

/** `invalid` for what gives no bytes. */
function piecesOf(source: ArchiveSource): AsyncIterator<Uint8Array> {
  if (source instanceof Uint8Array) return only(source)
  const given = Object(source) as Partial<ReadableStream<Uint8Array> & AsyncIterable<Uint8Array> & BlobLike>
  // Not every browser iterates over streams.
  if (typeof given.getReader === 'function') return readStream(source as ReadableStream<Uint8Array>)
  if (typeof given[Symbol.asyncIterator] === 'function') return (source as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]()
  if (typeof given.stream === 'function') return readStream((source as BlobLike).stream())
  throw new StorageError('invalid', 'an archive is bytes, a stream of them, a Blob or a File', { facts: { got: typeof source } })
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

async function* readStream(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader()
  let isDone = false
  try {
    for (;;) {
      const { done, value } = await reader.read()
      isDone = done
      if (done) return
      yield value as Uint8Array
    }
  } finally {
    if (!isDone) await reader.cancel().catch(() => {})
    reader.releaseLock()
  }
}
