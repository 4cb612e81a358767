import { openStore } from 'varve'
import { nodeFs } from 'varve/adapters/node-fs'

/** The store of a directory for as long as `use` runs; the directory is free for another process when this resolves. */
export async function withDirectory(directory, use) {
  const backend = nodeFs({ directory })
  try {
    return await use(await openStore(backend))
  } finally {
    await backend.close()
  }
}
