// Chromium was seen to lose a whole IndexedDB database when it is killed in mid-write, and to come up with an empty one.
// So the database's random id is remembered in a second store: a database that is missing while its canary lives was wiped.
// In OPFS the id is the name of an empty file, which pages and workers can both make without writing anything.

import { escapeName } from '../../core/base/key.js'

/** Where the id is kept; `none` where this page has neither. */
export type CanaryPlace = 'opfs' | 'localStorage' | 'none'

const DIRECTORY = 'varve-canaries'

/** The remembered ids: usually one; more after a removal that was itself lost. Never fails. */
export async function readCanaries(name: string): Promise<readonly string[]> {
  return [...(await readFromOpfs(name)), ...readFromLocalStorage(name)]
}

/** Remembers the id; called once something was stored, before that is acknowledged. Never fails. */
export async function plantCanary(name: string, id: string): Promise<CanaryPlace> {
  const directory = await canaryDirectory(name, true)
  if (directory !== undefined) {
    const file = await directory.getFileHandle(id, { create: true }).catch(() => undefined)
    if (file !== undefined) return 'opfs'
  }
  try {
    localStorage.setItem(localKey(name), id)
    return 'localStorage'
  } catch {
    return 'none'
  }
}

/** Forgets it: what follows is no loss. */
export async function removeCanary(name: string): Promise<void> {
  try {
    localStorage.removeItem(localKey(name))
  } catch {
    // Workers have none, and some pages may not use theirs.
  }
  const parent = await opfsDirectory(false)
  const removed = parent?.removeEntry(directoryName(name), { recursive: true })
  await removed?.catch((error: unknown) => {
    if ((error as { name?: unknown }).name !== 'NotFoundError') throw error
  })
}

async function readFromOpfs(name: string): Promise<readonly string[]> {
  const ids: string[] = []
  const directory = await canaryDirectory(name, false)
  try {
    for await (const id of directory?.keys() ?? []) ids.push(id)
  } catch {
    // Removed while it was read.
  }
  return ids
}

function readFromLocalStorage(name: string): readonly string[] {
  try {
    const id = localStorage.getItem(localKey(name))
    return id === null ? [] : [id]
  } catch {
    return []
  }
}

async function canaryDirectory(name: string, create: boolean): Promise<FileSystemDirectoryHandle | undefined> {
  const parent = await opfsDirectory(create)
  return parent?.getDirectoryHandle(directoryName(name), { create }).catch(() => undefined)
}

async function opfsDirectory(create: boolean): Promise<FileSystemDirectoryHandle | undefined> {
  try {
    const root = await navigator.storage.getDirectory()
    return await root.getDirectoryHandle(DIRECTORY, { create })
  } catch {
    return undefined
  }
}

/** A file name holds 255 characters: a longer name is told by its beginning and a hash of the whole. */
function directoryName(name: string): string {
  const escaped = escapeName(name)
  if (escaped.length <= 200) return `s${escaped}`
  let hash = 0xcbf29ce484222325n
  for (let i = 0; i < escaped.length; i++) hash = ((hash ^ BigInt(escaped.charCodeAt(i))) * 0x100000001b3n) & 0xffffffffffffffffn
  return `l${escaped.slice(0, 200)}-${hash.toString(16)}`
}

function localKey(name: string): string {
  return `varve-canary:${name}`
}
