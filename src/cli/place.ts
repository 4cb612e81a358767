// Where a store lies, as it is written on the command line: a directory, or a URL.

import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { holdsStore } from '../adapters/node-fs/holds-store.js'
import { nodeFs } from '../adapters/node-fs/index.js'
import { StorageError } from '../core/base/errors.js'
import { encrypted } from '../core/derived/encrypted.js'
import type { StoreMode } from '../core/derived/resolve.js'
import type { Backend } from '../core/ports/backend.js'
import { givenSecret } from './given-secret.js'

/** What the help says of an argument that takes one. */
export const STORE = 'a directory, file:<path> or redis://<host>:<port>'

/** Where openStore keeps what it opens by name. */
const NAMED = '.varve'

/** Where an encrypted store has its keys, wrapped. */
const KEYRING = 'keyring'

/** A scheme has two letters at least: C:\ is a directory. */
const URL_LIKE = /^[a-z][a-z0-9+.-]+:/i

/** `create` is `write` where there need be no store yet, and encrypts a new one where a secret is given; `create-plain` does not. */
export type PlaceMode = StoreMode | 'create' | 'create-plain'

export interface Place {
  readonly backend: Backend
  /** Ends the backend, and the connection that was made for it. */
  close(): Promise<void>
}

/** `missing` where there is no store and `mode` makes none. What is encrypted is opened with the secret of the environment. */
export async function openPlace(text: string, mode: PlaceMode): Promise<Place> {
  const isNew = mode === 'create' || mode === 'create-plain'
  const { backend, close } = await openPlain(text, isNew)
  try {
    return { backend: await withSecret(backend, mode === 'create'), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function openPlain(text: string, isNew: boolean): Promise<Place> {
  if (/^rediss?:/i.test(text)) {
    const { connectRedis } = await import('./redis-place.js')
    return connectRedis(text)
  }
  const directory = directoryOf(text)
  if (!isNew) await checkStore(directory)
  const backend = nodeFs({ directory })
  return { backend, close: () => backend.close() }
}

/** A store that is not encrypted is left as it is. */
async function withSecret(backend: Backend, mayEncrypt: boolean): Promise<Backend> {
  const secret = givenSecret()
  if (secret === undefined) return backend
  const isEncrypted = (await backend.blobs.get(KEYRING, { range: { start: 0, end: 0 } })) !== undefined
  return isEncrypted || (mayEncrypt && (await isEmpty(backend))) ? encrypted(backend, secret) : backend
}

async function isEmpty({ blobs }: Backend): Promise<boolean> {
  for await (const _found of blobs.list({ prefix: '' })) return false
  return true
}

/** The directory that is meant; `invalid` for a URL of anything else. */
export function directoryOf(text: string): string {
  if (!URL_LIKE.test(text)) return text
  if (/^file:\/\//i.test(text)) return fileURLToPath(text)
  if (/^file:/i.test(text)) return text.slice('file:'.length)
  const isRedis = /^rediss?:/i.test(text)
  const message = isRedis ? 'this command looks into files, and takes a directory or file:<path>' : `a store is ${STORE}`
  throw new StorageError('invalid', message, { facts: { given: text } })
}

async function checkStore(directory: string): Promise<void> {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new StorageError('missing', 'there is no such directory', { facts: { directory } })
  }
  if (await holdsStore(directory)) return
  const below = [...(await storesIn(directory)), ...(await storesIn(join(directory, NAMED)))]
  const message = below.length === 0 ? 'there is no store in this directory' : 'the directory holds no store, but folders in it do'
  throw new StorageError('missing', message, { facts: { directory, stores: below.length === 0 ? undefined : below } })
}

async function storesIn(directory: string): Promise<readonly string[]> {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) return []
  const found: string[] = []
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    if (entry.isDirectory() && (await holdsStore(path).catch(() => false))) found.push(path)
  }
  return found
}
