// What turns one snapshot's state into another's: by their trees where both are JSON, else by their values.

import { loadPart } from '../../base/load-part.js'
import { toBase64 } from '../../codec/base64.js'
import type { Codec } from '../../codec/codec.js'
import { JSON_ID } from '../../engine/content/cut-content.js'
import { contentOf, stateOf } from './contents.js'
import { isDamage, missing } from './damage.js'
import { diffContents } from './diff-contents.js'
import { diffValues, type TextOf } from './diff-values.js'
import type { Manifest, TreeManifest } from './manifest.js'
import type { SnapshotPlace } from './place.js'
import type { PatchOperation } from './read-types.js'

export async function diff(place: SnapshotPlace, a: Manifest, b: Manifest, signal?: AbortSignal): Promise<readonly PatchOperation[]> {
  if (a.codec === b.codec && a.contentHash === b.contentHash) return []
  if (a.format === 2 && b.format === 2 && a.codec === JSON_ID && b.codec === JSON_ID) return await treeDiff(place, a, b, signal)
  const states: [unknown, unknown] = [await stateOf(place, a, { signal }), await stateOf(place, b, { signal })]
  return diffValues(...states, a.codec === JSON_ID && b.codec === JSON_ID ? undefined : await encodedText(place, a, b))
}

/** Which of the two is damaged nobody knows: the facts name the chunk. */
async function treeDiff(place: SnapshotPlace, a: TreeManifest, b: TreeManifest, signal?: AbortSignal): Promise<readonly PatchOperation[]> {
  try {
    return await diffContents(place.packs, contentOf(a).root, contentOf(b).root, signal === undefined ? {} : { signal })
  } catch (error) {
    if (!isDamage(error)) throw error
    for (const one of [a, b]) if ((await place.index.locateIn(one, one)) === undefined) throw missing({ id: one.id })
    throw error
  }
}

/** With the codec of both; a codec of the user's own is asked before the one that takes nearly all. */
async function encodedText({ codec }: SnapshotPlace, a: Manifest, b: Manifest): Promise<TextOf> {
  const { structuredCodec } = await loadPart('the structured codec', () => import('../../codec/structured.js'))
  const chosen: Codec = a.codec === codec.id && b.codec === codec.id ? codec : structuredCodec
  return (value) => toBase64(chosen.encode(value))
}
