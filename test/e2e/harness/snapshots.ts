// Snapshots in a page, as tests drive them: raw blobs come in, are gone on with, and go out again.

import { browserBackends } from './backends.js'
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
