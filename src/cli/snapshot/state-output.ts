// The bytes that a restore writes: those that were saved, or JSON of what they mean.

import type { LoadOptions, LostPart } from '../../core/features/snapshots/read-types.js'
import type { Snapshots } from '../../core/features/snapshots/snapshots.js'
import { formatJson } from '../output.js'

export interface ContentFlags {
  /** A JSON Pointer. */
  readonly path?: string
  readonly json?: true
}

/** All are proved when the last has come. */
export async function* contentOf(
  snapshots: Snapshots<unknown>,
  id: string,
  { path, json }: ContentFlags,
  options: LoadOptions,
): AsyncGenerator<Uint8Array> {
  if (path !== undefined) yield Buffer.from(formatJson(await snapshots.load(id, { ...options, path })))
  else if (json) yield Buffer.from(formatJson(await snapshots.load(id, options)))
  else yield* await snapshots.stream(id, options)
}

/** Without `content` where nothing is left. */
export async function salvagedContent(
  snapshots: Snapshots<unknown>,
  id: string,
  options: LoadOptions,
): Promise<{ readonly content: Uint8Array | undefined; readonly lost: readonly LostPart[] }> {
  const { state, lost } = await snapshots.salvage(id, options)
  if (state === undefined) return { content: undefined, lost }
  return { content: state instanceof Uint8Array ? state : Buffer.from(formatJson(state)), lost }
}
