// A golden store: what is stored, in base64 by name, and what a reader showed of it when it was written.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { openStore } from 'varve'
import { ManualClock } from 'varve/testing'
import { places } from './places.mjs'

export const formats = ['format-1']
export const newest = formats[formats.length - 1]

const folder = (format) => fileURLToPath(new URL(`./${format}/`, import.meta.url))
const fileOf = (format, name) => `${folder(format)}${name.replaceAll(' ', '-')}.json`

export function namesOf(format) {
  return readdirSync(folder(format)).map((file) => file.replace(/\.json$/, '').replaceAll('-', ' '))
}

export function readGolden(format, name) {
  return JSON.parse(readFileSync(fileOf(format, name), 'utf8'))
}

export async function writeGolden(one) {
  const place = places[one.place]()
  try {
    const store = await openStore(place.backend, { clock: new ManualClock() })
    await one.write(store)
    if (one.isClosed !== false) await store.close()
    const stored = await place.stored()
    const shown = await inPlace(one, stored, one.read)
    writeFileSync(fileOf(newest, one.name), `${JSON.stringify({ shown, stored }, undefined, 1)}\n`)
  } finally {
    await place.backend.close()
    place.leave()
  }
}

/** Runs it in a new place that holds what was stored once. */
export async function inPlace(one, stored, run) {
  const place = places[one.place](stored)
  try {
    const store = await openStore(place.backend, { clock: new ManualClock() })
    const result = await run(store)
    await store.close()
    return result
  } finally {
    await place.backend.close()
    place.leave()
  }
}
