import type { Store } from 'varve'
import { describe, expect, test } from 'vitest'
import { cases } from './cases.mjs'
import { formats, inPlace, namesOf, newest, readGolden } from './golden.mjs'

test('every case has a golden store of the newest format', () => {
  expect(cases.map(({ name }) => name).sort()).toEqual(namesOf(newest).sort())
})

describe.each(formats)('what was stored in %s', (format) => {
  test.each(namesOf(format))('shows what it showed when it was written: %s', async (name) => {
    const { one, golden } = find(format, name)
    expect(await inPlace(one, golden.stored, one.read)).toEqual(golden.shown)
  })

  test.each(namesOf(format))('keeps it when more is stored: %s', async (name) => {
    const { one, golden } = find(format, name)
    const shown = await inPlace(one, golden.stored, async (store: Store) => {
      await one.change(store)
      return one.read(store)
    })
    expect(shown.length).toBeGreaterThan(golden.shown.length)
    expect(shown).toEqual(expect.arrayContaining(golden.shown))
  })
})

function find(format: string, name: string) {
  const one = cases.find((each) => each.name === name)
  if (one === undefined) throw new Error(`no case reads the golden store ${name} of ${format}`)
  return { one, golden: readGolden(format, name) }
}
