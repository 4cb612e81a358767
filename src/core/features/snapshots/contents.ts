// From a manifest to its state, of whichever format it is. What is gone is damage, unless the snapshot was deleted meanwhile.

import { concatBytes } from '../../base/bytes.js'
import { isStorageError, StorageError } from '../../base/errors.js'
import { decodeValue, readyToDecode } from '../../codec/codecs.js'
import type { StoredContent } from '../../engine/content/content.js'
import { checkContentNode } from '../../engine/content/check-node.js'
import { readContent, streamContent } from '../../engine/content/read-content.js'
import { isDamage, missing } from './damage.js'
import type { Manifest, TreeManifest } from './manifest.js'
import { readOldContent } from './old-content.js'
import type { SnapshotPlace } from './place.js'
import type { ProgressListener } from './save-types.js'

interface ReadOptions {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ProgressListener | undefined
}

/** The encoded state, proved by its hash. */
export async function bytesOf(place: SnapshotPlace, manifest: Manifest, { signal, onProgress }: ReadOptions = {}): Promise<Uint8Array> {
  if (onProgress !== undefined) return concatBytes(await collect(piecesOf(place, manifest, signal), manifest.bytes, onProgress))
  return await explained(place, manifest, async () => {
    if (manifest.format === 1) return await readOldContent(place.context.backend.blobs, manifest, signal)
    return await readContent(place.packs, contentOf(manifest), signal === undefined ? {} : { signal })
  })
}

async function collect(pieces: AsyncIterable<Uint8Array>, totalBytes: number, onProgress: ProgressListener): Promise<Uint8Array[]> {
  const all: Uint8Array[] = []
  let doneBytes = 0
  for await (const piece of pieces) {
    all.push(piece)
    doneBytes += piece.length
    onProgress({ phase: 'load', doneBytes, totalBytes })
  }
  return all
}

/** The same in pieces that are nobody else's; what is wrong may be found at the end only. */
export async function* piecesOf(place: SnapshotPlace, manifest: Manifest, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  if (manifest.format === 1) {
    yield (await bytesOf(place, manifest, { signal })).slice()
    return
  }
  const pieces = streamContent(place.packs, contentOf(manifest), signal === undefined ? {} : { signal })
  for (;;) {
    const { done, value } = await explained(place, manifest, () => pieces.next())
    if (done) return
    yield value
  }
}

export async function stateOf(place: SnapshotPlace, manifest: Manifest, options?: ReadOptions): Promise<unknown> {
  const plain = await bytesOf(place, manifest, options)
  await readyToDecode([manifest.codec])
  return decodeState(place, manifest, plain)
}

export function decodeState({ codec }: SnapshotPlace, manifest: Manifest, plain: Uint8Array): unknown {
  try {
    return decodeValue(manifest.codec, plain, codec)
  } catch (cause) {
    if (isStorageError(cause, 'unsupported')) throw cause
    const facts = { codec: manifest.codec }
    throw new StorageError('corrupt', 'the state of a snapshot cannot be decoded', { key: manifest.id, cause, facts })
  }
}

export function contentOf({ root, bytes, contentHash, codec }: TreeManifest): StoredContent {
  return { root: checkContentNode(root), bytes, contentHash, codec }
}

/** Names the snapshot in what is thrown. */
export async function explained<Result>(place: SnapshotPlace, manifest: Manifest, run: () => Promise<Result>): Promise<Result> {
  try {
    return await run()
  } catch (error) {
    if (!isDamage(error) || error.code === 'unsupported') throw error
    const { id, contentHash } = manifest
    if ((await place.index.locateIn(manifest, manifest)) === undefined) throw missing({ id })
    if (error.key === id && error.code === 'corrupt') throw error
    const { expected = contentHash, actual = 'nothing', ...facts } = error.facts
    throw new StorageError('corrupt', `the content of a snapshot is damaged: ${error.message}`, {
      key: id,
      cause: error,
      facts: { ...facts, expected, actual },
    })
  }
}
