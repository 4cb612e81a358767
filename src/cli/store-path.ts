import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathOfKey } from '../adapters/node-fs/paths.js'

/** Where what a backend calls `path` lies in the directory of its store: a file, or a folder with all that begins so. */
export function storePath(directory: string, path: string): string {
  const file = pathOfKey(path)
  const folder = pathOfKey(`${path}/x`).slice(0, -'/x='.length)
  const places = ['files', 'blobs'].flatMap((part) => [join(part, file), join(part, folder)])
  return places.find((place) => existsSync(join(directory, place))) ?? join(path.includes('/seg/') ? 'files' : 'blobs', file)
}
