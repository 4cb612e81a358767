import { getHeapStatistics } from 'node:v8'
import { isStorageError } from 'varve'
import { afterAll, describe, test } from 'vitest'
import { SCALE, SEED, tally } from '../tally.js'
import { draw, mutate } from './mutate.js'
import { slowSnapshotTargets, snapshotTargets } from './snapshot-targets.js'
import { type FuzzTarget, slowTargets as otherSlowTargets, targets as otherTargets } from './targets.js'

const targets = [...otherTargets, ...snapshotTargets]
const slowTargets = [...otherSlowTargets, ...slowSnapshotTargets]
const RUNS = 1_000_000 * SCALE
const SLOW_RUNS = 20_000 * SCALE
const LOOKS_AT_MEMORY = 3
const LIMIT_MS = 120_000 * SCALE
/** Beside four times the input. */
const SPARE_BYTES = 1024 * 1024
const CODES = ['corrupt', 'unsupported'] as const
/** Promises that wait at once. */
const AT_ONCE = 64

let ran = 0
let refused = 0
let done = 0
const begun = performance.now()

interface Input {
  readonly target: FuzzTarget
  readonly run: number
  readonly bytes: Uint8Array
}

/** The same for the same seed and number. */
function inputOf(target: FuzzTarget, run: number): Input {
  const drawn = draw(Math.imul(SEED, 0x9e3779b1) ^ Math.imul(run + 1, 0x85ebca6b))
  const bytes = mutate(target.valid, drawn)
  if (target.repair !== undefined && drawn.below(4) > 0) target.repair(bytes)
  return { target, run, bytes }
}

function failed({ target, run, bytes }: Input, what: string, cause?: unknown): Error {
  const text = `${target.name}: ${what}; VARVE_SEED=${SEED}, run ${run}, ${bytes.length} bytes ${Buffer.from(bytes).toString('hex')}`
  return new Error(text, { cause })
}

function settled(input: Input, error: unknown): void {
  if (!CODES.some((code) => isStorageError(error, code))) throw failed(input, `threw ${String(error)}`, error)
  refused++
}

/** What is in use now, collected or not. */
function usedBytes(): number {
  const { used_heap_size, external_memory } = getHeapStatistics()
  return used_heap_size + external_memory
}

/** Bytes in use more after it was decoded than before. */
function grownBy(target: FuzzTarget, input: Input, isCounted = true): number {
  const before = usedBytes()
  try {
    target.decode(input.bytes)
  } catch (error) {
    if (isCounted) settled(input, error)
  }
  return usedBytes() - before
}

function runMany(target: FuzzTarget, count: number): void {
  for (let run = 0; run < count; run++) {
    const input = inputOf(target, run)
    const most = 4 * input.bytes.length + SPARE_BYTES
    let grown = grownBy(target, input)
    // The engine itself takes memory now and then; what the input takes it takes each time.
    for (let again = 0; grown > most && again < LOOKS_AT_MEMORY; again++) grown = Math.min(grown, grownBy(target, input, false))
    if (grown > most) throw failed(input, `took ${grown} bytes`)
    ran++
  }
  done++
}

async function runManySlow(target: FuzzTarget, count: number): Promise<void> {
  for (let from = 0; from < count; from += AT_ONCE) {
    const inputs = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, i) => inputOf(target, from + i))
    const outcomes = await Promise.allSettled(inputs.map(async ({ bytes }) => await target.decode(bytes)))
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === 'rejected') settled(inputs[index] as Input, outcome.reason)
      ran++
    }
  }
  done++
}

afterAll(() => {
  const isWhole = done === targets.length + slowTargets.length
  if (isWhole) tally({ row: 'decoder fuzz', ran, found: refused, seed: SEED, ms: performance.now() - begun })
})

describe('bytes from anywhere end in a value or in corrupt or unsupported, and take little memory', () => {
  test.each(targets)('$name', (target) => runMany(target, Math.ceil(RUNS / targets.length)), LIMIT_MS)
  test.each(slowTargets)('$name', (target) => runManySlow(target, SLOW_RUNS), LIMIT_MS)
})
