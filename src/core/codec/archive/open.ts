// An archive as its bytes, whether it was encrypted or not: the first ones tell.

import { type Facts, isStorageError, StorageError } from '../../base/errors.js'
import { type EncryptionSecret, takeSecret } from '../secret.js'
import { isSealedStream, openStream, sealStream } from '../sealed-stream.js'
import { type ArchiveSource, ByteSource } from './byte-source.js'

/** What opens an archive, and encrypts one: a passphrase, or a key of 32 bytes. */
export interface ArchiveSecret {
  readonly passphrase?: string
  readonly key?: Uint8Array
}

const MAGIC_BYTES = 7

/** undefined where none is given; `invalid` for both, and for what is none. */
export function secretOf({ passphrase, key }: ArchiveSecret, operation: string): EncryptionSecret | undefined {
  if (passphrase === undefined && key === undefined) return undefined
  if (passphrase !== undefined && key !== undefined) {
    throw new StorageError('invalid', 'an archive has a passphrase or a key, not both', { operation })
  }
  const secret = passphrase === undefined ? { key: key as Uint8Array } : { passphrase }
  takeSecret(secret, operation)
  return secret
}

export function sealArchive(bytes: AsyncIterable<Uint8Array>, secret: EncryptionSecret | undefined): AsyncIterable<Uint8Array> {
  return secret === undefined ? bytes : sealStream(bytes, secret)
}

export class OpenedArchive {
  readonly #source: ByteSource
  readonly #secret: EncryptionSecret | undefined
  #isEncrypted = false

  constructor(source: ArchiveSource, secret: EncryptionSecret | undefined) {
    this.#source = new ByteSource(source)
    this.#secret = secret
  }

  /** Known once the first bytes were read. */
  get isEncrypted(): boolean {
    return this.#isEncrypted
  }

  /** Bytes that were read, as they lie in the file. */
  get position(): number {
    return this.#source.position
  }

  /** `denied` for the wrong secret, or for none where one is needed. */
  async *bytes(): AsyncGenerator<Uint8Array> {
    const beginning = await this.#source.take(MAGIC_BYTES)
    this.#isEncrypted = isSealedStream(beginning)
    const stored = behind(beginning, this.#source)
    if (!this.#isEncrypted) yield* stored
    else if (this.#secret !== undefined) yield* this.#unsealed(stored, this.#secret)
    else throw archiveError('denied', 'the archive is encrypted: give its passphrase or key')
  }

  async *#unsealed(stored: AsyncIterable<Uint8Array>, secret: EncryptionSecret): AsyncGenerator<Uint8Array> {
    try {
      yield* openStream(stored, secret)
    } catch (error) {
      const given = 'key' in secret ? 'key' : 'passphrase'
      if (isStorageError(error, 'denied')) throw archiveError('denied', `the ${given} does not open this archive`, {}, error)
      if (!isStorageError(error, 'corrupt')) throw error
      throw archiveError('corrupt', 'the encrypted archive is damaged, or its end is missing', { position: this.position }, error)
    }
  }

  async close(): Promise<void> {
    await this.#source.close()
  }
}

/** Of the archive itself, not of a store. */
export function archiveError(
  code: 'corrupt' | 'denied' | 'unsupported',
  message: string,
  facts: Facts = {},
  cause?: unknown,
): StorageError {
  return new StorageError(code, message, { operation: 'openArchive', facts, cause })
}

async function* behind(beginning: Uint8Array, source: ByteSource): AsyncGenerator<Uint8Array> {
  yield beginning
  for (;;) {
    const piece = await source.some()
    if (piece === undefined) return
    yield piece
  }
}
