// What the benchmarks with peers share: their options, a folder of their own, a failing case that costs its row and not the
// run, and the report. A gate that is missed is code 1.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeMachine } from '../bench/machine.mjs'
import { markdown, printed, reason } from '../bench/report.mjs'
import { fail, positive, readOptions } from './read-options.mjs'
import { root, run, tool } from './test-run.mjs'

const COMMON = {
  only: { type: 'string', default: '' },
  rounds: { type: 'string', default: '5' },
  scale: { type: 'string', default: '1' },
  folder: { type: 'string', default: tmpdir() },
  json: { type: 'boolean', default: false },
}

/** Reads the options of a script (its own ones are numbers above 0), builds, and makes the folder that goes with the process. */
export async function openBench(url, name, ownNumbers = {}) {
  const own = Object.fromEntries(Object.entries(ownNumbers).map(([option, value]) => [option, { type: 'string', default: String(value) }]))
  const values = readOptions(url, { ...COMMON, ...own })
  const numbers = Object.fromEntries(['rounds', 'scale', ...Object.keys(own)].map((option) => [option, positive(values, option)]))
  const facts = describeMachine(values.folder)
  const folder = mkdtempSync(join(values.folder, `varve-bench-${name}-`))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1)) // servers are stopped on exit
  const { code, output } = await run(tool('typescript/bin/tsc', '-b'))
  if (code !== 0) fail(output)
  return new Bench(name, { ...values, ...numbers, folder }, facts)
}

class Bench {
  /** Of peers and cases: why they were not measured. */
  absent = new Map()
  #results = []
  #name

  constructor(name, options, facts) {
    this.#name = name
    this.options = options
    this.facts = facts
  }

  isWanted(title) {
    return title.toLowerCase().includes(this.options.only.toLowerCase())
  }

  async orReason(title, measure) {
    try {
      return await measure()
    } catch (error) {
      console.error(error)
      this.absent.set(title, reason(error))
      return []
    }
  }

  /** Results as they come, then the table; the report is written by a run of all at full scale. `intro` says what was measured. */
  async finish(measured, intro) {
    for await (const result of measured) {
      this.#results.push(result)
      console.error(`${result.title}, ${result.peer}: ${result.value.toFixed(2)}`)
    }
    for (const [name, why] of this.absent) console.error(`not measured: ${name}: ${why}`)
    const { only, scale } = this.options
    if (this.#results.length === 0 && this.absent.size === 0) fail(`nothing is called ${only}`)
    if (only === '' && scale === 1) writeFileSync(join(root, `bench/${this.#name}-report.md`), this.#report(intro))
    this.#print()
    process.exitCode = this.#results.every(({ passed }) => passed !== false) ? 0 : 1
  }

  #report(intro) {
    const done = `By \`npm run bench:${this.#name}\` on ${new Date().toISOString().slice(0, 10)}; median of ${this.options.rounds} rounds in which all take`
    const head = [`${done} turns, and the least and`, ...intro]
    const missing = [...this.absent].map(([name, why]) => `- ${name}: ${why}`)
    const notes = missing.length === 0 ? [] : ['Not measured:', '', ...missing, '']
    return markdown({ intro: head, facts: this.facts, results: this.#results, notes })
  }

  #print() {
    const { facts, absent, options } = this
    if (options.json) {
      const whole = { facts, absent: Object.fromEntries(absent), rounds: options.rounds, results: this.#results }
      return console.log(JSON.stringify(whole, undefined, 2))
    }
    console.log(printed({ facts, results: this.#results, notes: [...absent].map(([name, why]) => `not measured: ${name}: ${why}`) }))
  }
}
