import { unescapeName } from '../../base/key.js'
import { contextOf, type Store } from '../../derived/resolve.js'
import type { Backend } from '../../ports/backend.js'
import type { BlobStore } from '../../ports/blob-store.js'
import { namespacePath } from './key-space.js'

const NAMESPACES = namespacePath('')

/** Names of all namespaces that hold a key, in the order of their UTF-8 bytes. Begins one listing for each. */
export async function kvNamespaces(source: Store | Backend): Promise<readonly string[]> {
  const context = contextOf(source)
  context.checkOpen('kvNamespaces')
  const names: string[] = []
  for (let after: string | undefined; ; ) {
    const key = await firstKey(context.backend.blobs, after)
    if (key === undefined) return names
    const escaped = key.slice(NAMESPACES.length, key.indexOf('/', NAMESPACES.length))
    names.push(unescapeName(escaped))
    after = `${NAMESPACES}${escaped}/~` // above all keys of this one: they begin with a letter
  }
}

async function firstKey(blobs: BlobStore, after: string | undefined): Promise<string | undefined> {
  for await (const { key } of blobs.list(after === undefined ? { prefix: NAMESPACES } : { prefix: NAMESPACES, after })) return key
  return undefined
}
