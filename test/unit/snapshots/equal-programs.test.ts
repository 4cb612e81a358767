// The same program of snapshots gives the same answers on every adapter: ids are compared by the order in which they came.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { faultBackend } from 'varve/testing'
import { describe, expect, test } from 'vitest'
import { memory } from '../../../dist/adapters/memory/index.js'
import { nodeFs } from '../../../dist/adapters/node-fs/index.js'
import type { Backend } from '../../../dist/core/ports/backend.js'
import { drawProgram, EVERY_STEP, type Step } from '../../crash/snapshot-programs.js'
import { jsonOf, SnapshotWorld } from '../../crash/snapshot-world.js'
import { caseName, drawnCases, SCALE, seedOf } from '../../tally.js'

const PROGRAMS = 6 * SCALE
const STEPS = 14
/** Depend on how large a pack is where it lies. */
const OF_PLACE = new Set(['storedBytes', 'liveBytes', 'reclaimedBytes', 'movedBytes', 'packs', 'removedPacks', 'epoch'])

/** Whoever answers the program: the answer to each step, and at the end all that can be read. */
async function answersOf(backend: Backend, steps: readonly Step[]): Promise<string[]> {
  const ids = new Map<string, string>()
  const world = new SnapshotWorld(
    () => backend,
    () => 0,
  )
  const answers: string[] = []
  const noted = (what: string, answer: unknown): number => answers.push(`${what}: ${named(answer, ids)}`)
  // Closing the world closes the backend, which has to stay.
  for (const [at, step] of steps.filter(({ kind }) => kind !== 'reopen').entries()) noted(`${at} ${step.kind}`, await world.run(step))
  const snapshots = await world.snapshots()
  let before: string | undefined
  for await (const info of snapshots.list()) {
    noted('listed', info)
    noted('state', jsonOf(await snapshots.load(info.id)))
    if (before !== undefined) noted('diff', await snapshots.diff(before, info.id))
    before = info.id
  }
  noted('verified', await snapshots.verify())
  await world.close()
  return answers
}

/** As text, each id by its place in the order of appearance. */
function named(answer: unknown, ids: Map<string, string>): string {
  const text = JSON.stringify(answer, (key, value: unknown) => (OF_PLACE.has(key) ? undefined : value)) ?? 'nothing'
  return text.replace(/[0-9a-f]{8}-[0-9a-f]{4}-[48][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, (id) => {
    const name = ids.get(id) ?? `id ${ids.size}`
    ids.set(id, name)
    return name
  })
}

async function onFiles<T>(run: (backend: Backend) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'varve-programs-'))
  try {
    return await run(nodeFs({ directory }))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function expectEqualEverywhere(steps: readonly Step[], name: string): Promise<void> {
  const expected = await answersOf(memory(), steps)
  expect(expected.length).toBeGreaterThan(steps.length / 2)
  expect(await answersOf(faultBackend(), steps), `simulated, ${name}`).toEqual(expected)
  expect(await answersOf(memory({ maxBlobBytes: 512 * 1024 }), steps), `small blobs, ${name}`).toEqual(expected)
  expect(await onFiles((backend) => answersOf(backend, steps)), `files, ${name}`).toEqual(expected)
}

describe('equal programs give equal answers on every adapter', () => {
  test('with every kind of step', () => expectEqualEverywhere(EVERY_STEP, 'every kind of step'))

  test('drawn', async () => {
    for (const n of drawnCases(PROGRAMS)) await expectEqualEverywhere(drawProgram(seedOf(n), STEPS), caseName(n))
  })
})
