// Bundles a few lines that import the package, the way an application's bundler would, and weighs the result.

import { brotliCompressSync, constants } from 'node:zlib'
import { build, type ImportKind, type Metafile, type OutputFile } from 'esbuild'

export type Target = 'browser' | 'workerd'

export interface Bundle {
  readonly text: string
  /** What a page loads at first (the entry and its static imports): minified, each file compressed with brotli at its best. */
  readonly firstBytes: number
  /** The same of all files, also those that are imported when they are first needed. */
  readonly allBytes: number
  /** The modules that load at first, heaviest first, with their minified bytes. */
  readonly weights: readonly (readonly [path: string, bytes: number])[]
  /** What it still imports by name. */
  readonly externals: readonly string[]
}

const CONDITIONS: Record<Target, string[]> = { browser: ['browser'], workerd: ['workerd', 'worker', 'browser'] }
const AT_FIRST: readonly ImportKind[] = ['import-statement']
const root = `${import.meta.dirname}/../..`

/** Everything that `source` imports in one file. Fails when an import cannot be resolved for the target. */
export async function bundle(source: string, target: Target): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: source, resolveDir: root, loader: 'ts' },
    bundle: true,
    write: false,
    outdir: 'out',
    minify: true,
    splitting: true,
    metafile: true,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    conditions: CONDITIONS[target],
    external: ['node:*'],
    logLevel: 'silent',
  })
  const first = reachedBy(metafile, AT_FIRST)
  const all = reachedBy(metafile, [...AT_FIRST, 'dynamic-import'])
  return {
    text: outputFiles.map((file) => file.text).join('\n'),
    firstBytes: compressedSum(outputFiles.filter((file) => first.has(nameOf(file.path)))),
    allBytes: compressedSum(outputFiles.filter((file) => all.has(nameOf(file.path)))),
    weights: weightsOf(metafile, first),
    externals: Object.values(metafile.outputs).flatMap(({ imports }) => imports.filter((one) => one.external).map(({ path }) => path)),
  }
}

/** The files that come over imports of these kinds, from the entry on: what nothing imports is never loaded. */
function reachedBy(metafile: Metafile, kinds: readonly ImportKind[]): Set<string> {
  const entry = Object.keys(metafile.outputs).find((path) => metafile.outputs[path]?.entryPoint === '<stdin>') ?? ''
  const reached = new Set<string>()
  const visit = (path: string): void => {
    if (reached.has(nameOf(path))) return
    reached.add(nameOf(path))
    for (const next of metafile.outputs[path]?.imports ?? [])
      if (!next.external && kinds.some((kind) => kind === next.kind)) visit(next.path)
  }
  visit(entry)
  return reached
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

function weightsOf(metafile: Metafile, loaded: Set<string>): readonly (readonly [string, number])[] {
  const outputs = Object.entries(metafile.outputs).filter(([path]) => loaded.has(nameOf(path)))
  const inputs = outputs.flatMap(([, output]) => Object.entries(output.inputs))
  return inputs.map(([path, { bytesInOutput }]) => [path, bytesInOutput] as const).sort((a, b) => b[1] - a[1])
}

function compressedSum(files: readonly OutputFile[]): number {
  return files.reduce((sum, { contents }) => sum + compressed(contents), 0)
}

function compressed(bytes: Uint8Array): number {
  return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length
}
