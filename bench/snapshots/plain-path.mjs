// The plain way to keep states: JSON, its SHA-256, gzip, a file each, made as durable as ours.

import { createHash, randomBytes } from 'node:crypto'
import { mkdir, open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

const compress = promisify(gzip)

/** Saves states one after another, `sideBySide` at a time; each is on disk with its name when this resolves. */
export async function savePlainly(folder, states, sideBySide = 8) {
  await mkdir(folder, { recursive: true })
  const queue = states.entries()
  const worker = async () => {
    for (const [number, state] of queue) await saveOne(folder, number, state)
  }
  await Promise.all(Array.from({ length: sideBySide }, worker))
  await syncFolder(folder)
}

async function saveOne(folder, number, state) {
  const text = JSON.stringify(state)
  const hash = createHash('sha256').update(text).digest('hex')
  const body = await compress(text)
  const file = await open(join(folder, `${number}.tmp`), 'wx')
  try {
    await file.write(`${hash}\n`)
    await file.write(body)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(join(folder, `${number}.tmp`), join(folder, `${number}-${hash.slice(0, 8)}.gz`))
}

/** The least that two writes cost where the second must not be on disk without the first: each file, and its name, is synced. */
export async function writeTwo(folder) {
  await mkdir(folder, { recursive: true })
  for (const name of ['first', 'second']) await writeOne(folder, name, randomBytes(2048))
}

async function writeOne(folder, name, bytes) {
  const file = await open(join(folder, `${name}.tmp`), 'w')
  try {
    await file.write(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(join(folder, `${name}.tmp`), join(folder, name))
  await syncFolder(folder)
}

async function syncFolder(folder) {
  const directory = await open(folder)
  await directory.sync()
  await directory.close()
}
