// The bytes that a restore writes: those that were saved, or JSON of what they mean.

import type { LoadOptions } from '../../core/features/snapshots/read-types.js'
import type { Snapshots } from '../../core/features/snapshots/types.js'
import { formatJson } from '../output.js'

export interface ContentFlags {
  readonly json?: true
}

/** All are proved when the last has come. */
export async function* contentOf(
  snapshots: Snapshots<unknown>,
  id: string,
  { json }: ContentFlags,
  options: LoadOptions,
): AsyncGenerator<Uint8Array> {
  if (json) yield Buffer.from(formatJson(await snapshots.load(id, options)))
  else yield* await snapshots.stream(id, options)
}
