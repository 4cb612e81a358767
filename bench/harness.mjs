// Two ways to do the same work, measured side by side: within every run they take turns, so that a slow moment of the machine
// hits both. What counts is the ratio of a run, not its time. Runs in Node, in a page and in a worker.

export const RUNS = 5
/** Turns of each side in one run. */
const TURNS = 4

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
async function oneRun(sides, run) {
  const total = { ours: 0, peer: 0 }
  try {
    for (let turn = 0; turn < TURNS; turn++) {
      const order = (turn + run) % 2 === 0 ? ['ours', 'peer'] : ['peer', 'ours']
      for (const side of order) total[side] += await timed(sides[side])
    }
  } finally {
    await sides.close()
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
