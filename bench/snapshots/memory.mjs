// What a large state takes in memory more than a small one, streamed in and out.

import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { median, result } from '../harness.mjs'
import { peakBytes } from '../memory.mjs'

const MIB = 2 ** 20
const SMALL_MIB = 10

export async function* memoryResults({ folder, rounds, mib }) {
  const program = fileURLToPath(new URL('stream-through.mjs', import.meta.url))
  const peaks = []
  for (let round = 0; round < Math.min(3, rounds); round++) {
    const place = mkdtempSync(join(folder, 'varve-bench-'))
    const peakOf = async (size) => (await peakBytes([process.execPath, program, join(place, `${size}`), `${size}`], place)) / MIB
    peaks.push({ small: await peakOf(SMALL_MIB), large: await peakOf(mib) })
    rmSync(place, { recursive: true, force: true })
  }
  yield result({
    title: `peak memory, ${mib} MiB streamed into a snapshot and out`,
    peer: `the same of ${SMALL_MIB} MiB`,
    unit: 'MiB',
    ours: Math.round(median(peaks.map(({ large }) => large))),
    theirs: Math.round(median(peaks.map(({ small }) => small))),
    ratios: peaks.map(({ small, large }) => large - small),
    gate: { atMost: 64 },
  })
}
