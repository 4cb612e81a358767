// A tree of files under one OPFS folder. Handles of folders are remembered: each step down costs a message to the browser,
// and folders are never removed while the store lives.

import { isNotFound } from './native-errors.js'
import { foldersOfPrefix, placeOf, textOfFolder } from './paths.js'

export interface FoundFile {
  /** The key's text up to the file's own name. */
  readonly base: string
  readonly name: string
  readonly handle: FileSystemFileHandle
}

export class Folder {
  readonly #top: () => Promise<FileSystemDirectoryHandle>
  readonly #known = new Map<string, Promise<FileSystemDirectoryHandle>>()

  constructor(top: () => Promise<FileSystemDirectoryHandle>) {
    this.#top = top
  }

  /** Where the key's file lies; undefined when the folder is not there and is not to be made. */
  async locate(key: string, create: boolean): Promise<{ readonly folder: FileSystemDirectoryHandle; readonly leaf: string } | undefined> {
    const { folders, leaf } = placeOf(key)
    const folder = await this.#walk(folders, create)
    return folder === undefined ? undefined : { folder, leaf }
  }

  /** All files below the folder that a prefix names; the caller looks at the names. In no order. */
  async *files(prefix: string): AsyncIterable<FoundFile> {
    const folders = foldersOfPrefix(prefix)
    const top = await this.#walk(folders, false)
    if (top !== undefined) yield* filesBelow(top, folders.map(textOfFolder).join(''), prefix)
  }

  async #walk(folders: readonly string[], create: boolean): Promise<FileSystemDirectoryHandle | undefined> {
    let path = ''
    let folder = await this.#remember(path, this.#top)
    for (const name of folders) {
      const parent = folder
      path += `${name}/`
      try {
        folder = await this.#remember(path, () => parent.getDirectoryHandle(name, { create }))
      } catch (error) {
        if (!create && isNotFound(error)) return undefined
        throw error
      }
    }
    return folder
  }

  #remember(path: string, open: () => Promise<FileSystemDirectoryHandle>): Promise<FileSystemDirectoryHandle> {
    let handle = this.#known.get(path)
    if (handle === undefined) {
      handle = open()
      this.#known.set(path, handle)
      handle.catch(() => this.#known.delete(path))
    }
    return handle
  }
}

async function* filesBelow(folder: FileSystemDirectoryHandle, base: string, prefix: string): AsyncIterable<FoundFile> {
  for await (const [name, handle] of folder.entries()) {
    if (handle.kind === 'file') {
      yield { base, name, handle: handle as FileSystemFileHandle }
      continue
    }
    const deeper = base + textOfFolder(name)
    if (deeper.startsWith(prefix) || prefix.startsWith(deeper)) yield* filesBelow(handle as FileSystemDirectoryHandle, deeper, prefix)
  }
}
