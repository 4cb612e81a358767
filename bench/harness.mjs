// Two ways to do the same work, measured side by side: within every run they take turns, so that a slow moment of the machine
// hits both. What counts is the ratio of a run, not its time. Runs in Node, in a page and in a worker.

export const RUNS = 5
/** Turns of each side in one run. */
export const TURNS = 4

/**
 * @typedef {{ ours: () => Promise<void>, peer: () => Promise<void>, close: () => Promise<void> }} Sides one turn of each
 * @typedef {{ title: string, peer: string, gate: number, records: number, open: () => Promise<Sides> }} Case records a turn
 */

/** Measures a case: a run that does not count, then `runs` that do, each from a fresh start. */
export async function measure({ title, peer, gate, records, open }, runs = RUNS) {
  const results = []
  for (let run = 0; run <= runs; run++) {
    const result = await oneRun(await open(), run)
    if (run > 0) results.push(result)
  }
  const rate = (side) => Math.round(median(results.map((result) => (records * TURNS * 1000) / result[side])))
  const ratios = results.map(({ ours, peer: theirs }) => theirs / ours)
  const ratio = median(ratios)
  return {
    title,
    peer,
    unit: 'records/s',
    ours: rate('ours'),
    theirs: rate('peer'),
    value: ratio,
    spread: [Math.min(...ratios), Math.max(...ratios)],
    gate: { atLeast: gate },
    passed: ratio >= gate,
  }
}

/** Who goes first changes from turn to turn and from run to run. */
async function oneRun({ ours, peer, close }, run) {
  try {
    return await takeTurns({ ours, peer }, run)
  } finally {
    await close()
  }
}

/** Milliseconds that each side took in all its turns; `prepare(name)` comes before each turn and is not counted. */
export async function takeTurns(sides, run, prepare = async () => {}) {
  const names = Object.keys(sides)
  const total = Object.fromEntries(names.map((name) => [name, 0]))
  for (let turn = 0; turn < TURNS; turn++) {
    for (let step = 0; step < names.length; step++) {
      const name = names[(turn + run + step) % names.length]
      await prepare(name)
      total[name] += await timed(sides[name])
    }
  }
  return total
}

async function timed(work) {
  const from = performance.now()
  await work()
  return performance.now() - from
}

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** With the median of the ratios, their spread, and whether the gate holds; without a gate that stays open. */
export function result({ ratios, gate, ...rest }) {
  const value = median(ratios)
  const judged = gate === undefined ? {} : { gate, passed: gate.atMost === undefined ? value >= gate.atLeast : value <= gate.atMost }
  return { ...rest, value, spread: [Math.min(...ratios), Math.max(...ratios)], ...judged }
}
