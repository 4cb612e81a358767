// What was stored by earlier versions goes through an archive: a new store shows of it what the old one showed.

import { exportAll, importAll, openStore, type Store } from 'varve'
import { memory } from 'varve/adapters/memory'
import { ManualClock } from 'varve/testing'
import { describe, expect, test } from 'vitest'
import { cases } from './cases.mjs'
import { formats, inPlace, namesOf, readGolden } from './golden.mjs'

/** What is stored anew takes another room. */
const comparable = (lines: readonly string[]): readonly string[] => lines.map((line) => line.replace(/storedBytes: \d+/, ''))

/** The stream of the others stands in no catalogue. */
const inQueue = (name: string): boolean => !name.startsWith('group')

describe.each(formats)('what was stored in %s', (format) => {
  test.each(namesOf(format).filter(inQueue))('shows the same out of an archive: %s', async (name) => {
    const one = cases.find((each) => each.name === name)
    if (one === undefined) throw new Error(`no case reads the golden store ${name}`)
    const golden = readGolden(format, name)
    const shown = await inPlace(one, golden.stored, async (store: Store) => {
      const copy = await openStore(memory(), { clock: new ManualClock() })
      await importAll(copy, exportAll(store))
      return one.read(copy)
    })
    expect(comparable(shown)).toEqual(comparable(golden.shown))
  })
})
