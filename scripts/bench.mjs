// npm run bench: how fast, as ratios to peers in the same run; writes bench/report.md. A gate that is missed is code 1.
//   --only node       or browser or memory: one part (the report is written only by a run of all)
//   --case 1000       only the cases of Node whose title holds this
//   --runs 5          runs of each case that count
//   --gb 1            size of the large input for the memory part; default 0.2
//   --folder path     where to measure, to choose the file system; default the one for temporary files
//   --json            the results as JSON instead of a table

import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeMachine } from '../bench/machine.mjs'
import { markdown, printed } from '../bench/report.mjs'
import { fail, positive, readOptions } from './read-options.mjs'
import { root, run, tool } from './test-run.mjs'

const values = readOptions(import.meta.url, {
  only: { type: 'string' },
  case: { type: 'string', default: '' },
  runs: { type: 'string', default: '5' },
  gb: { type: 'string', default: '0.2' },
  folder: { type: 'string', default: tmpdir() },
  json: { type: 'boolean', default: false },
})
const options = { ...values, runs: positive(values, 'runs'), gb: positive(values, 'gb') }
const parts = { node: nodePart, browser: browserPart, memory: memoryPart }
if (options.only !== undefined && parts[options.only] === undefined)
  fail(`no part ${options.only}; there are ${Object.keys(parts).join(', ')}`)

const machine = describeMachine(options.folder)
await build()
const results = []
for (const part of options.only === undefined ? Object.values(parts) : [parts[options.only]]) {
  for await (const result of part()) {
    results.push(result)
    console.error(`${result.title}: ${result.value.toFixed(2)}`)
  }
}
if (results.length === 0) fail('no case has such a title')
if (options.only === undefined && options.case === '') writeFileSync(join(root, 'bench/report.md'), report())
print()
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1

async function* nodePart() {
  const [{ nodeCases }, { measure }] = await Promise.all([import('../bench/node.mjs'), import('../bench/harness.mjs')])
  const chosen = nodeCases(options.folder).filter(({ title }) => title.includes(options.case))
  for (const one of chosen) yield await measure(one, options.runs)
}

async function* browserPart() {
  const { browserResults } = await import('../bench/browser.mjs')
  const onVersion = (version) => {
    machine.browser = version
  }
  yield* browserResults({ runs: options.runs, folder: options.folder, onVersion })
}

async function* memoryPart() {
  const { memoryResult } = await import('../bench/memory.mjs')
  yield await memoryResult(options.folder, options.gb * 1e9)
}

async function build() {
  const { code, output } = await run(tool('typescript/bin/tsc', '-b'))
  if (code !== 0) fail(output)
}

function report() {
  const intro = [
    `By \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}; median of ${options.runs} runs in which both sides take turns.`,
    'A record is a key, a JSON value of 1 KiB and one header; both sides encode it within the measured time. The gate is for the',
    "result: for rates ours divided by the peer's, for memory the difference.",
  ]
  return markdown({ intro, facts: machine, results })
}

function print() {
  if (options.json) return console.log(JSON.stringify({ machine, runs: options.runs, results }, undefined, 2))
  console.log(printed({ facts: machine, results }))
}
