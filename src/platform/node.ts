// The default store of Node and its kin: files under `.varve` in the working directory.

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { nodeFs } from '../adapters/node-fs/index.js'
import { keyComponent } from '../core/base/key.js'
import type { Backend } from '../core/ports/backend.js'

/** The backend that `openStore(name)` uses here. */
export function defaultBackend(name: string, options: { readonly directory?: string }): Backend {
  return nodeFs({ directory: directoryOf(name, options), chosen: 'the default of Node: files in a folder' })
}

/** Deletes the store that `openStore(name)` would open. `denied` while another process owns it. */
export async function destroyDefault(name: string, options: { readonly directory?: string }): Promise<void> {
  const directory = directoryOf(name, options)
  const backend = nodeFs({ directory })
  try {
    await backend.locks?.acquire('store')
  } finally {
    await backend.close()
  }
  await rm(directory, { recursive: true, force: true })
}

/** Plain names stay readable; what a file system could misread is escaped. */
function directoryOf(name: string, { directory = '.varve' }: { readonly directory?: string }): string {
  const isPlain = /^[a-z0-9]+$/.test(name)
  return join(directory, isPlain ? name : keyComponent('_', name))
}
