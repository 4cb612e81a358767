// Saving: content, then manifest, then the session's cell. What is lost on the way leaves blobs that nothing refers to,
// never a snapshot in part.

import { backOff, type BackoffOptions } from '../../base/backoff.js'
import { isStorageError, StorageError } from '../../base/errors.js'
import { type CompressionName, compressionName } from '../../codec/compression.js'
import type { StoreContext } from '../../derived/resolve.js'
import { type PackedContent, packContent } from './content.js'
import type { Cell } from '../../engine/cell.js'
import { contentKey, manifestKey, newId } from './layout.js'
import { MANIFEST_FORMAT, type Manifest, sealManifest } from './manifest.js'
import type { SaveRequest } from './save-request.js'
import { headOf, nextTimestamp, openSession, type SessionState, withEntry } from './session.js'
import type { SnapshotIndex } from './snapshot-index.js'

const MAX_ATTEMPTS = 64
const BACKOFF: BackoffOptions = { firstMs: 2, maxMs: 1_000 }

/** Stores the content once; the manifest anew each time another writer took the index. */
export async function publish(
  context: StoreContext,
  index: SnapshotIndex,
  request: SaveRequest,
  compression: CompressionName,
): Promise<Manifest> {
  const { blobs } = context.backend
  const { parent, signal } = request
  if (parent !== undefined) await index.published(parent, signal)
  const packed = await packContent(request.encoded, compression, blobs.traits.maxBlobBytes)
  const contentId = newId()
  for (const [part, bytes] of packed.parts.entries()) {
    signal?.throwIfAborted()
    await blobs.put(contentKey(contentId, part), bytes)
  }
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const cell = index.cell(request)
    const seen = openSession((await cell.read(signal)).value, request)
    const manifest = manifestFor(request, packed, contentId, seen, context.clock.now())
    signal?.throwIfAborted()
    await blobs.put(manifestKey(manifest.id), sealManifest(manifest))
    if (await commit(cell, manifest)) return manifest
    await removeLeftover(context, manifest)
    await backOff(context.clock, attempt, BACKOFF, signal)
  }
  throw new StorageError('unavailable', 'too many writers saved to the same session at once', {
    backend: context.backend.name,
    operation: 'save',
    facts: { agent: request.agent, session: request.session, attempts: MAX_ATTEMPTS },
  })
}

function manifestFor(request: SaveRequest, packed: PackedContent, contentId: string, seen: SessionState, now: number): Manifest {
  const { agent, session, branch, tags, description, metadata, encoded } = request
  const parent = request.parent ?? headOf(seen, branch)
  return {
    format: MANIFEST_FORMAT,
    id: newId(),
    agent,
    session,
    branch,
    index: seen.nextIndex,
    timestamp: nextTimestamp(seen, now),
    parents: parent === undefined ? [] : [parent],
    contentHash: packed.hash,
    tags,
    ...(description === undefined ? {} : { description }),
    ...(metadata === undefined ? {} : { metadata }),
    bytes: encoded.bytes.length,
    storedBytes: packed.storedBytes,
    compression: compressionName(packed.compression),
    codec: encoded.codec,
    content: { id: contentId, compression: packed.compression, parts: packed.parts.length },
  }
}

/** False when the index was taken meanwhile. An entry that is there already came through although its answer was lost. */
async function commit(cell: Cell<SessionState>, manifest: Manifest): Promise<boolean> {
  const { id, branch, timestamp, tags, content } = manifest
  const entry = { id, index: manifest.index, branch, timestamp, tags, contentId: content.id }
  let isCommitted = false
  await cell.update((stored) => {
    const state = openSession(stored, manifest)
    isCommitted = state.entries.some((one) => one.id === id)
    if (isCommitted || state.nextIndex !== manifest.index) return undefined
    isCommitted = true
    return withEntry(state, entry)
  })
  return isCommitted
}

async function removeLeftover(context: StoreContext, manifest: Manifest): Promise<void> {
  try {
    await context.backend.blobs.delete([manifestKey(manifest.id)])
  } catch (error) {
    // Nothing refers to it: it costs room, not truth.
    if (!isStorageError(error)) throw error
  }
}
