// A call of save, checked and taken over before anything is awaited: later changes by the caller do not count.

import { StorageError } from '../../base/errors.js'
import { checkName } from '../../base/key.js'
import type { Codec, Json } from '../../codec/codec.js'
import { type EncodedValue, encodeValue } from '../../codec/codecs.js'
import { jsonCodec } from '../../codec/json.js'
import type { SaveState } from './save-types.js'
import type { BranchRef, SessionRef } from './types.js'

const MAIN_BRANCH = 'main'

export interface SaveRequest extends SessionRef {
  readonly branch: string
  readonly parent: string | undefined
  readonly encoded: EncodedValue
  readonly tags: readonly string[]
  readonly description: string | undefined
  readonly metadata: Json | undefined
  readonly signal: AbortSignal | undefined
}

export function checkSession(ref: SessionRef): void {
  if (typeof ref !== 'object' || ref === null) {
    throw new StorageError('invalid', 'a snapshot is named by its id, a session by { agent, session }', { facts: { type: typeof ref } })
  }
  checkName('agent', ref.agent)
  checkName('session', ref.session)
}

/** Throws `invalid` for bad names; gives the branch. */
export function checkBranch(ref: BranchRef): string {
  checkSession(ref)
  const branch = ref.branch ?? MAIN_BRANCH
  checkName('branch', branch)
  return branch
}

export function takeRequest<State>(options: SaveState<State>, codec: Codec): SaveRequest {
  const branch = checkBranch(options)
  const { agent, session, parent, description, metadata, signal } = options
  if (description !== undefined && typeof description !== 'string') {
    throw new StorageError('invalid', 'a description is a string', { operation: 'save', facts: { type: typeof description } })
  }
  const encoded = encodeValue(codec, options.state)
  const isCallers = encoded.bytes === (options.state as unknown)
  return {
    agent,
    session,
    branch,
    parent,
    encoded: isCallers ? { ...encoded, bytes: encoded.bytes.slice() } : encoded,
    tags: takeTags(options.tags ?? []),
    description,
    metadata: metadata === undefined ? undefined : (jsonCodec.decode(jsonCodec.encode(metadata)) as Json),
    signal,
  }
}

function takeTags(tags: readonly string[]): readonly string[] {
  if (!Array.isArray(tags))
    throw new StorageError('invalid', 'tags is a list of strings', { operation: 'save', facts: { type: typeof tags } })
  for (const tag of tags) checkName('tag', tag)
  return [...new Set(tags)]
}
