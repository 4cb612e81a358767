// Keys out of an archive. The same value is left where it is, so that an import that was cut may be run again.

import { concatBytes, equalBytes } from '../../base/bytes.js'
import { StorageError } from '../../base/errors.js'
import { checkName } from '../../base/key.js'
import { mapOrdered } from '../../base/map-ordered.js'
import { type ArchivedValue, decodeValues } from '../../codec/archive/values.js'
import type { StoreContext } from '../../derived/store-context.js'
import { putWhen } from '../../features/kv/compare-and-set.js'
import { KeySpace } from '../../features/kv/key-space.js'
import { isLive, openValue, sealValue, type StoredValue } from '../../features/kv/stored-value.js'
import type { ImportedNamespace, OnExisting } from './types.js'

const AT_ONCE = 16
/** Of one value whose parts lie in sections of their own. */
const MAX_VALUE_BYTES = 1024 * 1024 * 1024

type Outcome = 'values' | 'present' | 'skipped' | 'expired'

export class KeysImport {
  readonly #context: StoreContext
  readonly #onExisting: OnExisting
  readonly #namespaces = new Map<string, Record<Outcome, number>>()
  #parts: Uint8Array[] = []
  #partBytes = 0

  constructor(context: StoreContext, onExisting: OnExisting) {
    this.#context = context
    this.#onExisting = onExisting
  }

  get namespaces(): readonly ImportedNamespace[] {
    return [...this.#namespaces].map(([namespace, counts]) => ({ namespace, ...counts }))
  }

  /** Of the value that comes first in the next section of values. */
  part(bytes: Uint8Array): void {
    this.#partBytes += bytes.length
    if (this.#partBytes > MAX_VALUE_BYTES) throw new StorageError('corrupt', 'the archive holds a value that is larger than any may be')
    this.#parts.push(bytes)
  }

  async values(body: Uint8Array): Promise<void> {
    const { namespace, values } = decodeValues(body)
    checkName('namespace', namespace)
    const space = new KeySpace(this.#context.backend.blobs, namespace)
    const counts = this.#namespaces.get(namespace) ?? { values: 0, present: 0, skipped: 0, expired: 0 }
    this.#namespaces.set(namespace, counts)
    const put = (value: ArchivedValue): Promise<Outcome> => this.#put(namespace, space.place(value.key), value)
    for await (const outcome of mapOrdered(this.#whole(values), AT_ONCE, put)) counts[outcome]++
  }

  end(): void {
    if (this.#parts.length > 0) throw new StorageError('corrupt', 'the archive holds a part of a value without its end')
  }

  async *#whole(values: readonly ArchivedValue[]): AsyncGenerator<ArchivedValue> {
    const parts = this.#parts
    this.#parts = []
    this.#partBytes = 0
    for (const [index, value] of values.entries()) {
      yield index === 0 && parts.length > 0 ? { ...value, bytes: concatBytes([...parts, value.bytes]) } : value
    }
  }

  async #put(namespace: string, blobKey: string, value: ArchivedValue): Promise<Outcome> {
    const { backend, clock } = this.#context
    const { codec, expiresAt, bytes, key } = value
    if (!isLive(expiresAt, clock.now())) return 'expired'
    const blob = await backend.blobs.get(blobKey)
    const stored = blob === undefined ? undefined : openValue(blob, key)
    if (stored !== undefined && isLive(stored.expiresAt, clock.now())) {
      if (isSame(stored, value)) return 'present'
      if (this.#onExisting === 'skip') return 'skipped'
      if (this.#onExisting === 'refuse') throw this.#exists(namespace, key)
    }
    const sealed = sealValue({ codec, bytes }, expiresAt)
    const expiry = expiresAt === undefined ? {} : { expiresAt }
    const isGuarded = backend.blobs.traits.conditionalPut && this.#onExisting !== 'replace'
    // Where the backend can tell, a value that somebody puts meanwhile is a `conflict`.
    if (isGuarded) await putWhen({ backend, clock, operation: 'importAll', key, blobKey, signal: undefined }, sealed, 'absent', expiresAt)
    else await backend.blobs.put(blobKey, sealed.bytes, expiry)
    return 'values'
  }

  #exists(namespace: string, key: string): StorageError {
    const message = 'there is another value under a key of the archive; import into another store, or say skip or replace'
    return new StorageError('conflict', message, { operation: 'importAll', key, facts: { namespace } })
  }
}

function isSame({ envelope, expiresAt }: StoredValue, value: ArchivedValue): boolean {
  return envelope.codec === value.codec && expiresAt === value.expiresAt && equalBytes(envelope.body, value.bytes)
}
