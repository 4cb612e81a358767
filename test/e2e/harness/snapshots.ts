// Snapshots in a page, as tests drive them: raw blobs come in, are gone on with, and go out again.

import { openSnapshots } from 'varve'
import { memory } from 'varve/adapters/memory'
import { browserBackends, type TestedBackend } from './backends.js'
import { type BlobsImage, blobsOf, goOnWithSnapshots, putBlobs, type SeenSnapshots, seeSnapshots } from './snapshot-image.js'

export async function takeSnapshots(request: {
  backend: string
  store: string
  image: BlobsImage
}): Promise<{ readonly seen: SeenSnapshots; readonly later: SeenSnapshots; readonly image: BlobsImage }> {
  const found = browserBackends.find((one) => one.name === request.backend)
  if (found === undefined) throw new Error(`no backend ${request.backend}`)
  const backend = await found.open(request.store)
  await putBlobs(backend, request.image)
  const seen = await seeSnapshots(backend)
  await goOnWithSnapshots(backend, 'page')
  const later = await seeSnapshots(backend)
  const image = await blobsOf(backend)
  await backend.close()
  await found.destroy(request.store)
  return { seen, later, image }
}

const CELLS = /^snapshots\/(?:sessions\/|collection$|keyring$)/

/** What is read of a store far away, cells aside, by a handle with an empty cache, and by one that finds it full. */
export async function takeThroughCache(request: {
  backend: string
  store: string
}): Promise<{ readonly states: readonly string[]; readonly reads: readonly number[] }> {
  const found = browserBackends.find((one) => one.name === request.backend)
  if (found === undefined) throw new Error(`no backend ${request.backend}`)
  const remote = memory()
  await goOnWithSnapshots(remote, 'remote')
  const states: string[] = []
  const reads: number[] = []
  for (let round = 0; round < 2; round++) {
    const cache = found.open(request.store)
    const far = counted(remote)
    const snapshots = await openSnapshots(far.backend, { cache })
    states.push(JSON.stringify(await snapshots.load({ agent: 'a', session: 's' })))
    await snapshots.close()
    await cache.close()
    reads.push(far.reads())
  }
  await found.destroy(request.store)
  return { states, reads }
}

function counted(remote: TestedBackend): { readonly backend: TestedBackend; reads(): number } {
  const { blobs } = remote
  let reads = 0
  const backend: TestedBackend = {
    name: 'far',
    blobs: {
      traits: blobs.traits,
      get: (key, options) => {
        if (!CELLS.test(key)) reads++
        return blobs.get(key, options)
      },
      put: (key, bytes, options) => blobs.put(key, bytes, options),
      delete: (keys, options) => blobs.delete(keys, options),
      list: (options) => blobs.list(options),
    },
    health: () => remote.health(),
    close: () => remote.close(),
  }
  return { backend, reads: () => reads }
}
