import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isMissing } from './errors.js'
import { readEntry } from './paths.js'

interface Found {
  readonly key: string
  readonly path: string
  readonly isValue: boolean
}

/** Every key below `root` with its file, ascending; one folder of each level is in memory at a time. Links are not followed. */
export async function* walkKeys(root: string, prefix: string, after: string | undefined): AsyncGenerator<Found> {
  const ahead: Found[] = [{ key: '', path: root, isValue: false }]
  for (let next = ahead.pop(); next !== undefined; next = ahead.pop()) {
    if (next.isValue) yield next
    else for (const entry of await entriesOf(next, prefix, after)) ahead.push(entry)
  }
}

/** Descending, because the last one pushed is the first one taken. */
async function entriesOf(folder: Found, prefix: string, after: string | undefined): Promise<readonly Found[]> {
  const found: Found[] = []
  for (const dirent of await readFolder(folder.path)) {
    if (!dirent.isFile() && !dirent.isDirectory()) continue
    const entry = readEntry(dirent.name, dirent.isDirectory())
    if (entry === undefined) continue
    const key = folder.key + entry.adds
    if (isWanted(key, entry.isValue, prefix, after)) found.push({ key, path: join(folder.path, dirent.name), isValue: entry.isValue })
  }
  return found.sort((a, b) => (a.key < b.key ? 1 : -1))
}

function isWanted(key: string, isValue: boolean, prefix: string, after: string | undefined): boolean {
  if (isValue) return key.startsWith(prefix) && (after === undefined || key > after)
  const mayMatch = key.startsWith(prefix) || prefix.startsWith(key)
  return mayMatch && (after === undefined || key > after || after.startsWith(key))
}

async function readFolder(path: string) {
  try {
    return await readdir(path, { withFileTypes: true })
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}
