// Reading everything back and comparing the hashes. Damage becomes a line of the report; only a store that cannot be read throws.

import { isStorageError } from '../../base/errors.js'
import { isDamage, missing } from './damage.js'
import { bytesOf } from './contents.js'
import type { SnapshotPlace } from './place.js'
import { type Located, nameOfCell } from './snapshot-index.js'
import type { SnapshotProblem, SnapshotReport } from './upkeep-types.js'

export async function verifyOne(place: SnapshotPlace, id: string, signal?: AbortSignal): Promise<SnapshotReport> {
  const problems: SnapshotProblem[] = []
  let located: Located | undefined
  try {
    located = await place.index.locate(id, signal)
    if (located === undefined) problems.push(problemOf(String(id), missing({ id })))
  } catch (error) {
    problems.push(problemOf(String(id), error))
  }
  if (located !== undefined) problems.push(...(await check(place, located, signal)))
  return { ok: problems.length === 0, checked: located === undefined ? 0 : 1, problems }
}

export async function verifyAll(place: SnapshotPlace, signal?: AbortSignal): Promise<SnapshotReport> {
  const problems: SnapshotProblem[] = []
  let checked = 0
  for await (const { key } of place.index.cells(signal === undefined ? {} : { signal })) {
    try {
      const opened = await place.index.open(key, signal)
      if (opened === undefined) continue
      for await (const summary of place.index.summaries(opened.state, signal)) {
        checked++
        problems.push(...(await check(place, { state: opened.state, summary }, signal)))
      }
    } catch (error) {
      problems.push(problemOf(nameOfCell(key), error))
    }
  }
  return { ok: problems.length === 0, checked, problems }
}

async function check(place: SnapshotPlace, { state, summary }: Located, signal: AbortSignal | undefined): Promise<SnapshotProblem[]> {
  try {
    const manifest = await place.index.manifestOf(summary, signal)
    const expected = `${state.agent}/${state.session} ${summary.index} ${summary.hash}`
    const actual = `${manifest.agent}/${manifest.session} ${manifest.index} ${manifest.hash ?? ''}`
    await bytesOf(place, manifest, { signal })
    if (actual === expected) return []
    return [{ id: summary.id, code: 'corrupt', message: 'the manifest is not the one that the session refers to', expected, actual }]
  } catch (error) {
    return [problemOf(summary.id, error)]
  }
}

function problemOf(id: string, error: unknown): SnapshotProblem {
  if (!isStorageError(error) || !isDamage(error)) throw error
  const { expected, actual } = error.facts
  const problem = { id, code: error.code, message: error.message }
  return {
    ...problem,
    ...(expected === undefined ? {} : { expected: String(expected) }),
    ...(actual === undefined ? {} : { actual: String(actual) }),
  }
}
