// Reading a part of a state, or as much of it as can be read.

import { asyncDispose } from '../../base/async-dispose.js'
import { fromUtf8 } from '../../base/bytes.js'
import { StorageError } from '../../base/errors.js'
import { readyToDecode } from '../../codec/codecs.js'
import type { Json } from '../../codec/codec.js'
import { ContentReader } from '../../engine/content/content-reader.js'
import type { StoredContent } from '../../engine/content/content.js'
import { salvageContent } from '../../engine/content/salvage-content.js'
import type { Cancellable } from '../../ports/options.js'
import { bytesOf, contentOf, decodeState, explained } from './contents.js'
import { isDamage } from './damage.js'
import type { Manifest } from './manifest.js'
import type { SnapshotPlace } from './place.js'
import type { LazySnapshot, Salvaged, StatePath } from './read-types.js'
import { labelledInfo, type Located } from './snapshot-index.js'
import type { SnapshotInfo } from './types.js'

/** `missing` where the state has no such place. */
export async function loadPath(place: SnapshotPlace, manifest: Manifest, path: StatePath, signal?: AbortSignal): Promise<Json> {
  const reader = new ContentReader(place.packs, await readable(place, manifest, signal))
  const part = await explained(place, manifest, () => reader.get(path, signal === undefined ? {} : { signal }))
  if (part !== undefined) return part
  throw new StorageError('missing', 'the state has no such place', { operation: 'load', facts: { id: manifest.id, path } })
}

export async function openLazy(
  place: SnapshotPlace,
  { manifest, summary }: Located & { readonly manifest: Manifest },
  check: () => void,
): Promise<LazySnapshot> {
  const reader = new ContentReader(place.packs, await readable(place, manifest))
  return new LazyReader({ info: labelledInfo(manifest, summary), reader, check, explain: (run) => explained(place, manifest, run) })
}

/** One of format 1, which is one piece, is read as a whole. */
async function readable(place: SnapshotPlace, manifest: Manifest, signal?: AbortSignal): Promise<StoredContent> {
  if (manifest.format === 2) return contentOf(manifest)
  const plain = await bytesOf(place, manifest, { signal })
  const { bytes, contentHash, codec } = manifest
  return { root: { kind: 'bytes', bytes, parts: codec === 1 ? [{ text: fromUtf8(plain) }] : [] }, bytes, contentHash, codec }
}

interface LazyReaderOptions {
  readonly info: SnapshotInfo
  readonly reader: ContentReader
  /** Throws where the snapshots are closed. */
  readonly check: () => void
  readonly explain: <Result>(run: () => Promise<Result>) => Promise<Result>
}

class LazyReader implements LazySnapshot {
  readonly info: SnapshotInfo
  readonly #options: LazyReaderOptions
  #closed = false

  constructor(options: LazyReaderOptions) {
    this.info = options.info
    this.#options = options
  }

  async get(path: StatePath, options: Cancellable = {}): Promise<Json | undefined> {
    this.#check('get')
    return await this.#options.explain(() => this.#options.reader.get(path, options))
  }

  async *keys(path: StatePath, options: Cancellable = {}): AsyncGenerator<string> {
    this.#check('keys')
    yield* this.#explained(this.#options.reader.keys(path, options))
  }

  async *entries(path: StatePath, options: Cancellable = {}): AsyncGenerator<readonly [key: string, value: Json]> {
    this.#check('entries')
    yield* this.#explained(this.#options.reader.entries(path, options))
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  [asyncDispose](): Promise<void> {
    return this.close()
  }

  async *#explained<Item>(items: AsyncGenerator<Item>): AsyncGenerator<Item> {
    try {
      for (;;) {
        const { done, value } = await this.#options.explain(() => items.next())
        if (done) return
        yield value
      }
    } finally {
      await items.return(undefined)
    }
  }

  #check(operation: string): void {
    this.#options.check()
    if (this.#closed) throw new StorageError('closed', 'the snapshot is closed', { operation })
  }
}

/** Damage is told, not thrown. */
export async function salvage<State>(place: SnapshotPlace, manifest: Manifest, signal?: AbortSignal): Promise<Salvaged<State>> {
  await readyToDecode([manifest.codec])
  const decode = (bytes: Uint8Array): unknown => decodeState(place, manifest, bytes)
  if (manifest.format === 2) {
    const options = signal === undefined ? {} : { signal }
    const { value, lost } = await salvageContent(place.packs, contentOf(manifest), decode, options)
    return { state: value as State | undefined, lost }
  }
  try {
    return { state: decode(await bytesOf(place, manifest, { signal })) as State, lost: [] }
  } catch (error) {
    if (!isDamage(error)) throw error
    return { state: undefined, lost: [{ path: '', code: error.code, message: error.message }] }
  }
}
