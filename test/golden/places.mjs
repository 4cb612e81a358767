// Where golden stores are written and read: as blobs, as files and blobs, or as the directory that nodeFs makes.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { nodeFs } from 'varve/adapters/node-fs'
import { faultBackend } from 'varve/testing'

const base64 = (bytes) => Buffer.from(bytes).toString('base64')
const bytesOf = (text) => new Uint8Array(Buffer.from(text, 'base64'))

/** A place is empty or what `stored()` once gave; `leave()` frees what it took. */
export const places = {
  files: (stored) => simulated(true, stored),
  chunks: (stored) => simulated(false, stored),
  directory: inDirectory,
}

function simulated(files, stored = { blobs: {}, files: {} }) {
  const image = {
    blobs: new Map(
      Object.entries(stored.blobs).map(([key, text]) => [key, { synced: { bytes: bytesOf(text), version: '1' }, changes: [] }]),
    ),
    files: new Map(Object.entries(stored.files).map(([path, text]) => [path, { synced: bytesOf(text), writes: [], isNamed: true }])),
  }
  const backend = faultBackend({ files, image })
  return { backend, stored: () => imageOf(backend.another()), leave() {} }
}

async function imageOf({ blobs, files }) {
  const image = { blobs: {}, files: {} }
  for await (const { key } of blobs.list()) image.blobs[key] = base64((await blobs.get(key)).data)
  for await (const { path, size } of files?.list('') ?? []) {
    const file = await files.open(path, { mode: 'read' })
    image.files[path] = base64(await file.read({ start: 0, end: size }))
  }
  return image
}

function inDirectory(stored = { files: {} }) {
  const directory = mkdtempSync(join(tmpdir(), 'varve-golden-'))
  for (const [path, text] of Object.entries(stored.files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    writeFileSync(join(directory, path), bytesOf(text))
  }
  const leave = () => rmSync(directory, { recursive: true, force: true })
  return { backend: nodeFs({ directory }), stored: async () => directoryOf(directory), leave }
}

/** Without the locks, which belong to a process. */
function directoryOf(directory) {
  const files = {}
  for (const folder of ['blobs', 'files'].filter((name) => existsSync(join(directory, name)))) {
    for (const name of readdirSync(join(directory, folder), { recursive: true }).sort()) {
      const path = join(directory, folder, name)
      if (statSync(path).isFile()) files[relative(directory, path)] = base64(readFileSync(path))
    }
  }
  return { files }
}
