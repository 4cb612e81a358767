// A file that is there whole or not at all: written beside its place, made durable, and renamed.

import { existsSync, lstatSync, realpathSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { StorageError } from '../core/base/errors.js'

/** `conflict` where there is a file, unless `force` replaces it; `invalid` for what is no file. Returns where its bytes will lie. */
export function checkTarget(file: string, force: true | undefined): string {
  if (!existsSync(file)) return file
  const real = realpathSync(file)
  if (!lstatSync(real).isFile()) throw new StorageError('invalid', 'that is no file', { facts: { file } })
  if (!force) throw new StorageError('conflict', 'the file exists; --force replaces it', { facts: { file } })
  return real
}

/** Resolves to how many bytes were written. When it fails nothing is left, and what was there stays. */
export async function writeFileWhole(
  file: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  force?: true,
): Promise<number> {
  const target = checkTarget(file, force)
  const part = `${target}.${process.pid}.part`
  try {
    const bytes = await writeDurably(part, chunks)
    checkTarget(file, force)
    await rename(part, target)
    return bytes
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
}

async function writeDurably(file: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<number> {
  const handle = await open(file, 'wx')
  try {
    let bytes = 0
    for await (const chunk of chunks) {
      await handle.writeFile(chunk)
      bytes += chunk.length
    }
    await handle.sync()
    return bytes
  } finally {
    await handle.close()
  }
}
