// Copies of what a recovery replaces or removes: plain files, in the layout of the store, so that copying them back undoes it.

import { mkdirSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { StorageError } from '../core/base/errors.js'
import type { Quarantine } from '../core/compose/recover.js'
import { storePath } from './store-path.js'

export interface QuarantineFolder {
  /** Made with its first copy; of this run alone, so that nothing in it is ever overwritten. */
  readonly folder: string
  /** Of the copies, in the folder. */
  readonly copies: readonly string[]
  readonly keep: Quarantine
}

/** `parent` holds a folder a run; by default it lies beside the store. `invalid` where it lies inside. */
export function quarantineFolder(directory: string, parent = `${resolve(directory)}.quarantine`): QuarantineFolder {
  const inside = relative(resolve(directory), resolve(parent))
  if (!inside.startsWith('..') && !isAbsolute(inside)) {
    throw new StorageError('invalid', 'the folder for copies must lie outside of the store', { facts: { quarantine: parent } })
  }
  const folder = join(resolve(parent), new Date().toISOString().replaceAll(':', '-'))
  const copies: string[] = []
  const keep: Quarantine = async (path, bytes) => {
    const name = storePath(directory, path)
    await writeDurably(join(folder, name), bytes)
    copies.push(name)
  }
  return { folder, copies, keep }
}

/** Before this resolves nothing may be deleted. */
async function writeDurably(path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  mkdirSync(dirname(path), { recursive: true })
  const file = await open(path, 'wx')
  try {
    for await (const piece of bytes) await file.write(piece)
    await file.sync()
  } finally {
    await file.close()
  }
  await syncFolder(dirname(path))
}

async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return // no handle of a folder there
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
