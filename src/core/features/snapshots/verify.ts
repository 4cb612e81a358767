// Reading everything back and comparing the hashes. Damage becomes a line of the report; only a store that cannot be read throws.

import { isStorageError } from '../../base/errors.js'
import type { BlobStore } from '../../ports/blob-store.js'
import { readContent } from './content.js'
import { isDamage, type Located, missing, type SnapshotIndex } from './snapshot-index.js'
import type { SnapshotProblem, SnapshotReport } from './upkeep-types.js'

export async function verifyOne(blobs: BlobStore, index: SnapshotIndex, id: string, signal?: AbortSignal): Promise<SnapshotReport> {
  const problems: SnapshotProblem[] = []
  let located: Located | undefined
  try {
    located = await index.locate(id, signal)
    if (located === undefined) problems.push(problemOf(String(id), missing({ id })))
  } catch (error) {
    problems.push(problemOf(String(id), error))
  }
  if (located !== undefined) problems.push(...(await check(blobs, index, located, signal)))
  return { ok: problems.length === 0, checked: located === undefined ? 0 : 1, problems }
}

export async function verifyAll(blobs: BlobStore, index: SnapshotIndex, signal?: AbortSignal): Promise<SnapshotReport> {
  const problems: SnapshotProblem[] = []
  let checked = 0
  for await (const { ref } of index.sessions(signal === undefined ? {} : { signal })) {
    try {
      for (const entry of (await index.session(ref, signal)).entries) {
        checked++
        problems.push(...(await check(blobs, index, { ref, entry }, signal)))
      }
    } catch (error) {
      problems.push(problemOf(`${ref.agent}/${ref.session}`, error))
    }
  }
  return { ok: problems.length === 0, checked, problems }
}

async function check(
  blobs: BlobStore,
  index: SnapshotIndex,
  { ref, entry }: Located,
  signal: AbortSignal | undefined,
): Promise<SnapshotProblem[]> {
  try {
    const manifest = await index.manifest(entry.id, signal)
    const differing = manifest.agent !== ref.agent || manifest.session !== ref.session || manifest.index !== entry.index
    await readContent(blobs, manifest, signal)
    if (!differing) return []
    const expected = `${ref.agent}/${ref.session} ${entry.index}`
    const actual = `${manifest.agent}/${manifest.session} ${manifest.index}`
    return [{ id: entry.id, code: 'corrupt', message: 'the manifest is that of another place in the session', expected, actual }]
  } catch (error) {
    return [problemOf(entry.id, error)]
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
