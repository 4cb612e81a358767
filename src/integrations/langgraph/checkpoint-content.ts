// A checkpoint as the state of a snapshot. What the serializer wrote as JSON is stored as JSON, so that snapshots find the
// parts that did not change; all else, and JSON that would not come back byte for byte, stays the bytes it is.

import type { ChannelVersions, Checkpoint, CheckpointMetadata, SerializerProtocol } from '@langchain/langgraph-checkpoint'
import { fromUtf8 } from '../../core/base/bytes.js'
import type { Json } from '../../core/codec/codec.js'

/** A value as the serializer wrote it. */
export type Part = { readonly json: Json } | { readonly type: string; readonly bytes: Uint8Array }

export interface StoredCheckpoint {
  /** All but the values of the channels. */
  readonly checkpoint: Part
  readonly metadata: Part
  readonly values: Readonly<Record<string, Part>>
}

/** Calls the serializer for all parts before it first waits: what changes after the call does not count. */
export async function writeCheckpoint(
  serde: SerializerProtocol,
  checkpoint: Checkpoint,
  metadata: CheckpointMetadata,
): Promise<StoredCheckpoint> {
  const { channel_values, ...rest } = checkpoint
  const entries = Object.entries(channel_values ?? {}).map(async ([channel, value]) => [channel, await writePart(serde, value)] as const)
  const parts = await Promise.all([writePart(serde, rest), writePart(serde, metadata), Promise.all(entries)])
  return { checkpoint: parts[0], metadata: parts[1], values: Object.fromEntries(parts[2]) }
}

export async function readCheckpoint(
  serde: SerializerProtocol,
  stored: StoredCheckpoint,
): Promise<{ readonly checkpoint: Checkpoint; readonly metadata: CheckpointMetadata }> {
  const entries = Object.entries(stored.values).map(async ([channel, part]) => [channel, await readPart(serde, part)] as const)
  const [checkpoint, metadata, values] = await Promise.all([
    readPart(serde, stored.checkpoint),
    readPart(serde, stored.metadata),
    Promise.all(entries),
  ])
  return { checkpoint: { ...checkpoint, channel_values: Object.fromEntries(values) }, metadata }
}

export function holdsBytes({ checkpoint, metadata, values }: StoredCheckpoint): boolean {
  return [checkpoint, metadata, ...Object.values(values)].some((part) => 'bytes' in part)
}

/**
 * The checkpoint with the values that are its own. One without a parent holds what `newVersions` names; one that was made
 * from another, or copied, holds all it has: what did not change came from there.
 */
export function withOwnValues(
  checkpoint: Checkpoint,
  newVersions: ChannelVersions,
  origin: { readonly parent: string | undefined; readonly source: string | undefined },
): Checkpoint {
  if (origin.parent !== undefined || origin.source === 'fork') return checkpoint
  const entries = Object.entries(checkpoint.channel_values ?? {}).filter(([channel]) => Object.hasOwn(newVersions, channel))
  return { ...checkpoint, channel_values: Object.fromEntries(entries) }
}

async function writePart(serde: SerializerProtocol, value: unknown): Promise<Part> {
  const [type, bytes] = await serde.dumpsTyped(value)
  return (type === 'json' ? exactJson(bytes) : undefined) ?? { type, bytes }
}

// biome-ignore lint/suspicious/noExplicitAny: what a serializer gives has no type
async function readPart(serde: SerializerProtocol, part: Part): Promise<any> {
  if ('json' in part) return await serde.loadsTyped('json', JSON.stringify(part.json))
  return await serde.loadsTyped(part.type, part.bytes)
}

function exactJson(bytes: Uint8Array): Part | undefined {
  try {
    const text = fromUtf8(bytes)
    const json = JSON.parse(text) as Json
    return JSON.stringify(json) === text ? { json } : undefined
  } catch {
    return undefined // a serializer of the user's own: it may call anything json
  }
}
