import type { BlobStore, BlobWrite } from '../ports/blob-store.js'
import type { Carried, RequestWatch } from './request-watch.js'
import { setStoredBlobs, storedBlobs } from './stored-blobs.js'
import { setUnderlay, underlayOf } from './underlay.js'

export function observedBlobs(below: BlobStore, watch: RequestWatch): BlobStore {
  const { batch } = below
  const blobs: BlobStore = {
    traits: below.traits,
    get: (key, options) =>
      watch.run(
        'blobs.get',
        { keys: [key], signal: options?.signal },
        () => below.get(key, options),
        (blob) => (blob === undefined ? {} : { readBytes: blob.data.length }),
      ),
    put: (key, bytes, options) => {
      const writtenBytes = bytes.length
      const asked = { keys: [key], signal: options?.signal }
      return watch.run(
        'blobs.put',
        asked,
        () => below.put(key, bytes, options),
        () => ({ writtenBytes }),
      )
    },
    delete: (keys, options) => watch.run('blobs.delete', { keys, signal: options?.signal }, () => below.delete(keys, options)),
    list: (options) => {
      const asked = { keys: [options?.prefix ?? ''], signal: options?.signal }
      return watch.each('blobs.list', asked, () => below.list(options))
    },
    ...(batch === undefined
      ? {}
      : {
          batch: (writes, options) => {
            const asked = { keys: writes.map(({ key }) => key), signal: options?.signal }
            const carried = writtenBy(writes)
            return watch.run(
              'blobs.batch',
              asked,
              () => batch.call(below, writes, options),
              () => carried,
            )
          },
        }),
  }
  if (storedBlobs(below) !== below) setStoredBlobs(blobs, storedBlobs(below))
  const over = underlayOf(below)
  if (over !== undefined) setUnderlay(blobs, (wrap) => observedBlobs(over(wrap), watch))
  return blobs
}

function writtenBy(writes: readonly BlobWrite[]): Carried {
  const puts = writes.flatMap((write) => ('put' in write ? [write.put.length] : []))
  return puts.length === 0 ? {} : { writtenBytes: puts.reduce((sum, bytes) => sum + bytes, 0) }
}
