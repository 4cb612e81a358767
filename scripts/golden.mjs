// Writes golden stores of the newest format: stores that every later version must read. A released format is never written again.
//   node scripts/golden.mjs             those that are not there yet
//   node scripts/golden.mjs --again     all of them, for a format that is not released yet
//   node scripts/golden.mjs keys        this one, also when it is there

import { mkdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { build } from './build.mjs'

build()
const [{ cases }, { namesOf, newest, writeGolden }] = await Promise.all([
  import('../test/golden/cases.mjs'),
  import('../test/golden/golden.mjs'),
])
mkdirSync(new URL(`../test/golden/${newest}/`, import.meta.url), { recursive: true })

const { values, positionals } = parseArgs({ options: { again: { type: 'boolean', default: false } }, allowPositionals: true })
const there = namesOf(newest)
const wanted = ({ name }) => (positionals.length > 0 ? positionals.includes(name) : values.again || !there.includes(name))
for (const one of cases.filter(wanted)) {
  await writeGolden(one)
  console.log(`written: ${one.name}`)
}
