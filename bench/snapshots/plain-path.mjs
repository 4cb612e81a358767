// The plain way to keep states: JSON, its SHA-256, gzip, a file each, made as durable as ours.

import { createHash } from 'node:crypto'
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
  const directory = await open(folder)
  await directory.sync()
  await directory.close()
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
