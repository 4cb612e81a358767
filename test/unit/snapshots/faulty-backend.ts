import type { Backend } from '../../../dist/core/ports/backend.js'
import type { BlobStore } from '../../../dist/core/ports/blob-store.js'

/** The backend with some methods of its blob store replaced; adapters keep private state, so each call goes to its owner. */
export function withBlobs(backend: Backend, replace: (blobs: BlobStore) => Partial<BlobStore>): Backend {
  const replaced = replace(bound(backend.blobs))
  return bound(backend, { blobs: bound(backend.blobs, replaced) })
}

function bound<Target extends object>(target: Target, replaced: Partial<Target> = {}): Target {
  return new Proxy(target, {
    get: (_, name) => {
      if (name in replaced) return Reflect.get(replaced, name)
      const found = Reflect.get(target, name, target)
      return typeof found === 'function' ? found.bind(target) : found
    },
  })
}
