// The demo over many seeds, each in a directory of its own: node scripts/demo-seeds.mjs [--seeds 50] [--from 1]
// Exits 0 only when every comparison held.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { parseOptions } from '../demo/options.mjs'
import { build } from './build.mjs'

const { values } = parseArgs({ options: { seeds: { type: 'string', default: '50' }, from: { type: 'string', default: '1' } } })
build()
const { runDemo } = await import('../demo/demo.mjs')

const failed = []
const totals = { killed: 0, redelivered: 0, replayed: 0, restored: 0 }
const begun = performance.now()
const first = Number(values.from)
const last = first + Number(values.seeds) - 1
for (let seed = first; seed <= last; seed++) await runSeed(seed)
summarize()

async function runSeed(seed) {
  const folder = await mkdtemp(join(tmpdir(), 'varve-seed-'))
  try {
    const result = await runDemo(parseOptions(['--seed', String(seed), '--directory', join(folder, 'store')]))
    count(result)
    if (result.problems.length > 0) fail(seed, result.problems.slice(0, 3).join('; '))
    else
      console.log(
        `seed ${seed}: killed at ${result.killedAt}, redelivered ${result.counters.redelivered}, replayed ${result.counters.replayed}`,
      )
  } catch (error) {
    fail(seed, error.stack)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function count({ killedAt, counters }) {
  if (killedAt !== undefined) totals.killed++
  if (counters.restoredFrom !== undefined) totals.restored++
  totals.redelivered += counters.redelivered
  totals.replayed += counters.replayed
}

function fail(seed, message) {
  failed.push(seed)
  console.error(`seed ${seed}: FAILED: ${message}`)
}

function summarize() {
  const seeds = last - first + 1
  const { killed, restored, redelivered, replayed } = totals
  console.log(
    `\n${seeds} seeds in ${((performance.now() - begun) / 1000).toFixed(0)} s: ${killed} consumers killed, ${restored} went on from a snapshot,`,
  )
  console.log(`${redelivered} records redelivered, ${replayed} replayed from the log`)
  console.log(failed.length === 0 ? 'every comparison holds' : `FAILED for the seeds ${failed.join(', ')}`)
  process.exitCode = failed.length === 0 && seeds > 0 ? 0 : 1
}
