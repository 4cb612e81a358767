// A call of save, checked and taken over before anything is awaited: later changes by the caller do not count.

import { StorageError } from '../../base/errors.js'
import { checkName } from '../../base/key.js'
import type { Codec, Json } from '../../codec/codec.js'
import { encodeValue } from '../../codec/codecs.js'
import { jsonCodec } from '../../codec/json.js'
import { type ContentCut, cutContent } from '../../engine/content/cut-content.js'
import type { ByteSource } from '../../engine/content/cut-stream.js'
import type { ProgressListener, SaveDetails, SaveItem, SaveOptions } from './save-types.js'
import type { BranchRef, SessionRef } from './types.js'

const MAIN_BRANCH = 'main'

/** What a snapshot is called and said to be. */
export interface Details extends SessionRef {
  readonly branch: string
  readonly parent: string | undefined
  readonly tags: readonly string[]
  readonly description: string | undefined
  readonly metadata: Json | undefined
}

export interface SaveRequest {
  readonly details: Details
  readonly content: ContentCut | { readonly stream: ByteSource }
  readonly isVerified: boolean
  readonly onProgress: ProgressListener | undefined
  readonly signal: AbortSignal | undefined
}

export interface SaveManyRequest {
  readonly details: Details
  readonly content: ContentCut
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

export function takeRequest<State>(options: SaveOptions<State>, codec: Codec): SaveRequest {
  const details = takeDetails(options)
  const { stream, verify = false, onProgress, signal } = options
  if (stream !== undefined && options.state !== undefined) {
    throw new StorageError('invalid', 'a snapshot is saved from a state or from a stream, not from both', { operation: 'save' })
  }
  const content = stream === undefined ? takeState(options.state, codec) : { stream: checkStream(stream) }
  return { details, content, isVerified: verify, onProgress, signal }
}

export function takeItem<State>(item: SaveItem<State>, codec: Codec): SaveManyRequest {
  return { details: takeDetails(item), content: takeState(item.state, codec) }
}

/** Encoded and cut: the state may change again. */
export function takeState(state: unknown, codec: Codec): ContentCut {
  const encoded = encodeValue(codec, state)
  return cutContent(encoded.bytes === state ? { ...encoded, bytes: encoded.bytes.slice() } : encoded)
}

function takeDetails(options: SaveDetails): Details {
  const branch = checkBranch(options)
  const { agent, session, parent, description, metadata } = options
  if (description !== undefined && typeof description !== 'string') {
    throw new StorageError('invalid', 'a description is a string', { operation: 'save', facts: { type: typeof description } })
  }
  return {
    agent,
    session,
    branch,
    parent,
    tags: takeTags(options.tags ?? []),
    description,
    metadata: metadata === undefined ? undefined : (jsonCodec.decode(jsonCodec.encode(metadata)) as Json),
  }
}

/** Each once. */
export function takeTags(tags: readonly string[]): readonly string[] {
  if (!Array.isArray(tags)) {
    throw new StorageError('invalid', 'tags is a list of strings', { facts: { type: typeof tags } })
  }
  for (const tag of tags) checkName('tag', tag)
  return [...new Set(tags)]
}

function checkStream(stream: ByteSource): ByteSource {
  const given: unknown = stream
  const isObject = typeof given === 'object' && given !== null
  if (isObject && ('getReader' in given || Symbol.asyncIterator in given)) return stream
  throw new StorageError('invalid', 'a stream is a ReadableStream or an async iterable of Uint8Array', {
    operation: 'save',
    facts: { type: typeof stream },
  })
}
