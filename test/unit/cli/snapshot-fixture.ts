// A store with a few snapshots, built once for a file of tests; those that change it take a copy.

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSnapshots, openStore, type SnapshotInfo } from 'varve'
import { nodeFs } from 'varve/adapters/node-fs'

/** Of planner/s1, oldest first. */
export const states = Array.from({ length: 4 }, (_, step) => ({
  step,
  notes: Array.from({ length: step * 300 }, (_, i) => `note ${i} of planner`),
}))

/** Of raw/s1. */
export const bytes = Uint8Array.from({ length: 300 }, (_, i) => i)

export interface Fixture {
  /** Of a store with 6 snapshots: 4 of planner/s1, one of planner/a/b@c on branch x, one of raw/s1. */
  readonly directory: string
  /** Holds it, and whatever a test needs. */
  readonly folder: string
  /** Of the snapshots of planner/s1. */
  readonly ids: readonly [string, string, string, string]
  newStore(): string
  newFile(content?: string | Uint8Array): string
  remove(): void
}

export async function makeFixture(): Promise<Fixture> {
  const folder = mkdtempSync(join(tmpdir(), 'varve-cli-snapshot-'))
  const directory = join(folder, 'store')
  const infos = await fill(directory)
  let made = 0
  return {
    directory,
    folder,
    ids: infos.map(({ id }) => id) as [string, string, string, string],
    newStore() {
      const copy = join(folder, `store-${made++}`)
      cpSync(directory, copy, { recursive: true })
      return copy
    },
    newFile(content) {
      const file = join(folder, `file-${made++}`)
      if (content !== undefined) writeFileSync(file, content)
      return file
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

async function fill(directory: string): Promise<readonly SnapshotInfo[]> {
  const backend = nodeFs({ directory })
  const store = await openStore(backend)
  const snapshots = await openSnapshots(store)
  const infos: SnapshotInfo[] = []
  for (const [i, state] of states.entries()) {
    const more = i === 2 ? { tags: ['good'], description: 'before the trip', metadata: { offset: 7, by: 'me' } } : {}
    infos.push(await snapshots.save({ agent: 'planner', session: 's1', state, ...more }))
  }
  await snapshots.save({ agent: 'planner', session: 'a/b@c', state: 'odd', branch: 'x' })
  await snapshots.save({ agent: 'raw', session: 's1', state: bytes })
  await snapshots.close()
  await store.close()
  await backend.close()
  return infos
}

export function filesIn(store: string): readonly string[] {
  const paths = readdirSync(store, { recursive: true, encoding: 'utf8' }).map((path) => join(store, path))
  return paths.filter((path) => statSync(path).isFile())
}

/** Changes a byte in the middle of the longest file of the store. */
export function damage(store: string): void {
  const [longest = ''] = [...filesIn(join(store, 'blobs'))].sort((a, b) => statSync(b).size - statSync(a).size)
  const stored = readFileSync(longest)
  const at = stored.length >> 1
  stored[at] = (stored[at] ?? 0) ^ 1
  writeFileSync(longest, stored)
}
