// docs/reliability.md, made from what runs wrote down: lines of JSON as test/tally.ts appends them. The figures of the
// newest run of each row stay in docs/reliability.json; a row that no run has told of says so.
//   node scripts/reliability.mjs                     writes the page again from the stored figures
//   node scripts/reliability.mjs ci tally.jsonl      takes up a run of npm test; `torture` one of npm run torture

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './test-run.mjs'

const DATA = join(root, 'docs/reliability.json')
const PAGE = join(root, 'docs/reliability.md')

/** The rows that are asked for, and how much of each: in every run of npm test, and on demand. */
const ROWS = [
  { row: 'crash at every write and sync', ci: '20 000 states an adapter', torture: '1 M' },
  { row: 'exhaustive small workloads', ci: 'length 2', torture: 'length 3' },
  { row: 'fail operation N', ci: '40 scenarios', torture: '200' },
  { row: 'real kill -9', ci: '500', torture: '20 000' },
  { row: 'browser killed, tab closed, crashed, reloaded, frozen', ci: '40 each', torture: '500 each' },
  { row: 'bit flips', ci: 'all bytes', torture: 'all bits' },
  { row: 'disk full, quota', ci: '200', torture: '5 000' },
  { row: 'KV staleness, R2 and S3 faults, Redis restarts', ci: '2 000 seeds, 50 restarts', torture: '100 000, 1 000' },
  { row: 'several writers', ci: '500 histories', torture: '50 000' },
  { row: 'linearizability', ci: '500', torture: '50 000' },
  { row: 'decoder fuzz', ci: '1 M', torture: '200 M' },
  { row: 'the harness itself', ci: '12 mutants', torture: '40' },
]

const INTRODUCTION = `# What was run to break it

Written by \`npm test\` (when all of it passed) and \`npm run torture\`; not by hand. Every row holds the figures of its newest run that
passed. *ran* counts cases: crash states with an acknowledged record at risk, kills, damages, histories, inputs. *found* counts the damages
and wrong inputs that were refused as \`corrupt\` or \`unsupported\`, the mutants that a test noticed, and the databases that a killed
browser had wiped, which were reported as such; the other damages were harmless.
No case lost an acknowledged record, or the row would not be here. Runs on demand may be cut to a share of what is asked for: what ran
stands there. The same seed (\`VARVE_SEED\`) runs the same cases, where chance draws them.
`

const LIMITS = `## What is known not to hold

- A disk that fails a sync, and then also the write that would say so, leaves a log of which nobody knows: the system shows the next session
  what never reached the disk. A power failure after that may read as \`corrupt\`. What is lost then was never acknowledged as \`disk\`.
- On a remote store a change of a key that names no version (\`put\` without \`when\`, \`delete\`, and an \`update\` that creates the key) is asked for
  again when its answer is lost, and may then come after another's change, or after a delete. Changes of a version that was read, queues,
  groups and snapshots are not concerned.
- Where a store answers a conditional put with "the condition failed" although an earlier try of its own did it, and somebody wrote since,
  \`put\` with \`when\` tells \`conflict\`. Logs and cells find their own writes also then; a cell among the last eight.
- A damaged entry of the catalogue is named by \`scan\` and cannot be repaired; what lies below it stays. A torn tail of a sealed queue is named and stays.
- In Chromium a tab whose process is stopped in the middle of a transaction holds up the other tabs of its origin until it goes on or ends.
`

/** Takes up a run in which every test passed; after one of all tests, a row that it did not tell of was not run. */
export function recordRun(column, tallyFile, { isWhole = false } = {}) {
  const stored = load()
  if (isWhole) for (const entry of Object.values(stored)) delete entry[column]
  const date = new Date().toISOString().slice(0, 10)
  const node = process.version
  for (const [row, entry] of Object.entries(summed(tallyFile))) {
    stored[row] = { ...stored[row], [column]: { ...entry, date, node } }
  }
  writeFileSync(DATA, `${JSON.stringify(stored, undefined, 2)}\n`)
  writeFileSync(PAGE, page(stored))
}

/** Tests of one run that name the same row add up. */
function summed(tallyFile) {
  const rows = {}
  if (!existsSync(tallyFile)) return rows
  for (const line of readFileSync(tallyFile, 'utf8').split('\n')) {
    if (line === '') continue
    const { row, ran, found, seed, ms } = JSON.parse(line)
    const before = rows[row] ?? { ran: 0, ms: 0 }
    const entry = { ...before, ran: before.ran + ran, ms: before.ms + ms }
    if (found !== undefined) entry.found = (before.found ?? 0) + found
    if (seed !== undefined) entry.seed = seed
    rows[row] = entry
  }
  return rows
}

function load() {
  return existsSync(DATA) ? JSON.parse(readFileSync(DATA, 'utf8')) : {}
}

function page(stored) {
  const tables = [
    ['In every run of `npm test`', 'ci'],
    ['On demand: `npm run torture`', 'torture'],
  ].map(([title, column]) => `## ${title}\n\n${table(stored, column)}\n`)
  return [INTRODUCTION, ...tables, LIMITS].join('\n')
}

function table(stored, column) {
  const head = '| Test | Asked for | Ran | Found | Seed | Took | When |\n|---|---|---|---|---|---|---|'
  const asked = new Set(ROWS.map(({ row }) => row))
  const others = Object.keys(stored).filter((name) => stored[name][column] !== undefined && !asked.has(rowOf(name)))
  const lines = [...ROWS.flatMap((row) => linesOf(row, stored, column)), ...others.map((name) => line(name, '', stored[name][column]))]
  return [head, ...lines].join('\n')
}

/** One line for each part of a row that was run, or one that says that none was. */
function linesOf(wanted, stored, column) {
  const { row, [column]: asked } = wanted
  const parts = Object.keys(stored).filter((name) => rowOf(name) === row && stored[name][column] !== undefined)
  if (parts.length === 0) return [`| ${row} | ${asked} | not run | | | | |`]
  return parts.sort().map((name) => line(name, asked, stored[name][column]))
}

function rowOf(name) {
  return name.split(':')[0]
}

function line(name, asked, { ran, found, seed, ms, date, node }) {
  return `| ${name} | ${asked} | ${count(ran)} | ${count(found)} | ${seed ?? ''} | ${duration(ms)} | ${date}, Node ${node.slice(1)} |`
}

function count(number) {
  return number === undefined ? '' : String(number).replace(/\B(?=(\d{3})+$)/g, ' ')
}

function duration(ms) {
  return ms < 90_000 ? `${(ms / 1000).toFixed(1)} s` : `${(ms / 60_000).toFixed(1)} min`
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [column, tallyFile] = process.argv.slice(2)
  if (column === undefined) writeFileSync(PAGE, page(load()))
  else if (['ci', 'torture'].includes(column) && tallyFile !== undefined) recordRun(column, tallyFile)
  else {
    console.error('node scripts/reliability.mjs [ci|torture <file>]')
    process.exit(2)
  }
}
