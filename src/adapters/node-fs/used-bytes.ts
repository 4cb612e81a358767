import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isMissing } from './errors.js'

/** Looked at for one answer at most; a few hundred milliseconds. */
const MOST_ENTRIES = 20_000

/**
 * Sum of the sizes of all files below the folder; undefined where there is more than can be counted soon, or than may be
 * seen. Links are not followed.
 */
export async function usedBytes(folder: string, mostEntries = MOST_ENTRIES): Promise<number | undefined> {
  return await sumBelow(folder, mostEntries).catch(() => undefined)
}

async function sumBelow(folder: string, mostEntries: number): Promise<number | undefined> {
  const ahead = [folder]
  let entries = 0
  let bytes = 0
  for (let next = ahead.pop(); next !== undefined; next = ahead.pop()) {
    const { files, folders } = await entriesOf(next)
    entries += files.length + folders.length
    if (entries > mostEntries) return undefined
    ahead.push(...folders)
    for (const size of await Promise.all(files.map(sizeOf))) bytes += size
  }
  return bytes
}

async function entriesOf(folder: string): Promise<{ readonly files: readonly string[]; readonly folders: readonly string[] }> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(noneIfMissing)
  const paths = (some: typeof entries): string[] => some.map(({ name }) => join(folder, name))
  return { files: paths(entries.filter((entry) => entry.isFile())), folders: paths(entries.filter((entry) => entry.isDirectory())) }
}

async function sizeOf(path: string): Promise<number> {
  const stats = await lstat(path).catch(noneIfMissing)
  return 'size' in stats ? stats.size : 0
}

/** What was removed meanwhile takes no room. */
function noneIfMissing(error: unknown): [] {
  if (isMissing(error)) return []
  throw error
}
