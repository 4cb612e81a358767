// A store of files whose last segment was torn by a power failure, with whole records behind the torn place.

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Backend, openQueue } from 'varve'
import { nodeFs } from 'varve/adapters/node-fs'
import { afterAll, expect } from 'vitest'

const root = mkdtempSync(join(tmpdir(), 'varve-salvage-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let made = 0

/** Files of a system that was started anew since `boot` was another. */
function filesOfBoot(directory: string, boot: string): Backend {
  const real = nodeFs({ directory })
  const { name, blobs, files, locks, signals } = real as Required<Backend>
  return {
    name,
    blobs,
    locks,
    signals,
    files: {
      bootId: async () => boot,
      open: (path, options) => files.open(path, options),
      delete: (path) => files.delete(path),
      list: (prefix) => files.list(prefix),
    },
    health: () => real.health(),
    close: () => real.close(),
  }
}

export async function withBackend<T>(directory: string, use: (backend: Backend) => Promise<T>, boot = 'boot-3'): Promise<T> {
  const backend = filesOfBoot(directory, boot)
  try {
    return await use(backend)
  } finally {
    await backend.close()
  }
}

export function segmentsOf(directory: string): string[] {
  return readdirSync(join(directory, 'files'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

/** Ten records, none of them synced, of which the power failure takes the sixth; what it leaves is not opened yet. */
export async function makeTorn(): Promise<string> {
  const directory = join(root, `${made++}`)
  const running = `${directory}-running`
  await withBackend(
    running,
    async (backend) => {
      const queue = await openQueue<string>(backend, 'q', { sync: 'never' })
      for (let n = 0; n < 10; n++) await queue.append(`value ${n}`, { key: `key ${n}`, headers: { n: String(n) } })
      cpSync(running, directory, { recursive: true })
      rmSync(join(directory, 'lock'), { recursive: true })
      await queue.close()
    },
    'boot-1',
  )
  const [path = ''] = segmentsOf(directory)
  const bytes = readFileSync(path)
  const at = bytes.indexOf('value 5')
  bytes.fill(0, at, at + 7)
  writeFileSync(path, bytes)
  return directory
}

/** The same, and a session that went on without what lies behind. */
export async function makeLeft(): Promise<string> {
  const directory = await makeTorn()
  await withBackend(
    directory,
    async (backend) => {
      const queue = await openQueue<string>(backend, 'q')
      expect((await queue.append('later')).offset).toBe(5)
      await queue.close()
    },
    'boot-2',
  )
  return directory
}
