// Builds a page that imports the package the way the README says, with Vite, and weighs its files.

import { brotliCompressSync, constants } from 'node:zlib'
import { build, type Rolldown } from 'vite'

export interface Weight {
  /** What the page loads at first (the entry and its static imports): minified, each file compressed with brotli at its best. */
  readonly firstBytes: number
  /** The same of all files, also those that are imported when they are first needed. */
  readonly allBytes: number
}

type Chunk = Rolldown.OutputChunk

const root = `${import.meta.dirname}/../..`
const ENTRY = `${root}/entry-of-a-page.js`

export async function weigh(source: string): Promise<Weight> {
  const built = await build({
    configFile: false,
    root,
    logLevel: 'silent',
    publicDir: false,
    plugins: [
      {
        name: 'entry-of-a-page',
        resolveId: (id) => (id === ENTRY ? id : undefined),
        load: (id) => (id === ENTRY ? source : undefined),
      },
    ],
    build: { write: false, minify: true, target: 'es2022', modulePreload: false, rolldownOptions: { input: ENTRY } },
  })
  const { output } = built as Rolldown.RolldownOutput
  const chunks = new Map(output.flatMap((file) => (file.type === 'chunk' ? [[file.fileName, file] as const] : [])))
  return {
    firstBytes: bytesOf(reached(chunks, (chunk) => chunk.imports)),
    allBytes: bytesOf(reached(chunks, (chunk) => [...chunk.imports, ...chunk.dynamicImports])),
  }
}

function reached(chunks: ReadonlyMap<string, Chunk>, next: (chunk: Chunk) => readonly string[]): Set<Chunk> {
  const found = new Set([...chunks.values()].filter((chunk) => chunk.isEntry))
  for (const chunk of found) for (const name of next(chunk)) found.add(chunks.get(name) as Chunk)
  return found
}

function bytesOf(chunks: Iterable<Chunk>): number {
  const options = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }
  return [...chunks].reduce((sum, { code }) => sum + brotliCompressSync(code, options).length, 0)
}
