// How much more memory the demo takes at its peak for a large input than for a small one: it streams, so hardly any more.

import { createWriteStream, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { pathToFileURL } from 'node:url'
import { root, run } from '../scripts/test-run.mjs'
import { encodeText, makeRecords } from './payload.mjs'

const MIB = 1024 * 1024
const SMALL_BYTES = 10_000_000
const GATE_MIB = 64
const LINES_A_WRITE = 1000
const HOUR = 3_600_000

/** The greatest peak of the demo's processes, for `largeBytes` of input less the one for 10 MB. */
export async function memoryResult(folder, largeBytes) {
  const small = await demoPeak(folder, SMALL_BYTES)
  const large = await demoPeak(folder, largeBytes)
  const value = (large - small) / MIB
  return {
    title: `Node, demo, peak memory for ${megabytes(largeBytes)} of input`,
    peer: `the same for ${megabytes(SMALL_BYTES)}`,
    unit: 'MiB',
    ours: Math.round(large / MIB),
    theirs: Math.round(small / MIB),
    value,
    gate: { atMost: GATE_MIB },
    passed: value <= GATE_MIB,
  }
}

async function demoPeak(folder, bytes) {
  const place = mkdtempSync(join(folder, 'varve-bench-memory-'))
  const input = join(place, 'input.ndjson')
  try {
    await pipeline(Readable.from(lines(bytes)), createWriteStream(input))
    const command = [process.execPath, join(root, 'scripts/demo.mjs'), '--input', input, '--directory', join(place, 'store')]
    return await peakBytes(command, place)
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

/** The greatest peak among the processes of a command; it leaves a few small files in `place`. */
export async function peakBytes(command, place) {
  const peaks = mkdtempSync(join(place, 'peaks-'))
  const hook = pathToFileURL(join(root, 'bench/peak-rss.mjs')).href
  const env = { NODE_OPTIONS: `--import=${hook}`, VARVE_PEAK_DIRECTORY: peaks }
  const { code, output } = await run(command, { env, timeoutMs: HOUR })
  if (code !== 0) throw new Error(`the program ended with code ${code}\n${output}`)
  const found = readdirSync(peaks).map((name) => Number(readFileSync(join(peaks, name), 'utf8')) * 1024)
  if (found.length === 0) throw new Error('the program left no peak')
  return Math.max(...found)
}

function* lines(bytes) {
  const text = encodeText(makeRecords(LINES_A_WRITE).map(({ value }) => value))
  for (let written = 0; written < bytes; written += text.length) yield text
}

const megabytes = (bytes) => `${Math.round(bytes / 1e6)} MB`
