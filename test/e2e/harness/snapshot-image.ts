// A store of snapshots as raw blobs that travel between Node and a page, and all that can be read of it.

import { openSnapshots, type SnapshotInfo } from 'varve'
import type { TestedBackend } from './backends.js'

/** Bytes by key, as plain numbers. */
export type BlobsImage = readonly (readonly [key: string, bytes: readonly number[]])[]

export interface SeenSnapshots {
  readonly infos: readonly SnapshotInfo[]
  readonly states: readonly string[]
  readonly patches: readonly string[]
  readonly problems: readonly unknown[]
}

export async function blobsOf({ blobs }: TestedBackend): Promise<BlobsImage> {
  const image: [string, number[]][] = []
  for await (const { key } of blobs.list({ prefix: 'snapshots/' })) image.push([key, [...((await blobs.get(key))?.data ?? [])]])
  return image
}

export async function putBlobs({ blobs }: TestedBackend, image: BlobsImage): Promise<void> {
  for (const [key, bytes] of image) await blobs.put(key, Uint8Array.from(bytes))
}

export async function seeSnapshots(backend: TestedBackend): Promise<SeenSnapshots> {
  const snapshots = await openSnapshots<unknown>(backend)
  const infos: SnapshotInfo[] = []
  for await (const info of snapshots.list()) infos.push(info)
  const states: string[] = []
  const patches: string[] = []
  for (const [at, { id }] of infos.entries()) {
    states.push(JSON.stringify(await snapshots.load(id)))
    if (at > 0) patches.push(JSON.stringify(await snapshots.diff(infos[at - 1]?.id as string, id)))
  }
  return { infos, states, patches, problems: (await snapshots.verify()).problems }
}

/** Saves on top of what is there, forks, tags, takes away the oldest, and collects. */
export async function goOnWithSnapshots(backend: TestedBackend, place: string): Promise<void> {
  const ref = { agent: 'a', session: 's' }
  const snapshots = await openSnapshots<unknown>(backend)
  const items = Array.from({ length: 300 }, (_, n) => ({ n, text: `${place} ${'item '.repeat(n % 30)}` }))
  const { id } = await snapshots.save({ ...ref, state: { items, place }, tags: [place] })
  await snapshots.save({ ...ref, state: { items: [...items.slice(1), { n: -1 }], place }, description: place })
  await snapshots.saveMany([1, 2, 3].map((n) => ({ ...ref, session: place, state: { n } })))
  await snapshots.fork(id, { branch: place })
  for await (const info of snapshots.list({ ...ref, branch: 'main' })) if (info.index === 0) await snapshots.delete(info.id)
  await snapshots.collect()
}
