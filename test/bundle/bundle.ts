// Bundles a few lines that import the package, the way an application's bundler would, and weighs the result.

import { brotliCompressSync, constants } from 'node:zlib'
import { build, type Metafile } from 'esbuild'

export type Target = 'browser' | 'workerd'

export interface Bundle {
  readonly text: string
  /** Minified and compressed with brotli at its best, as a server would send it. */
  readonly brotliBytes: number
  /** The modules that load at once, heaviest first, with their minified bytes. */
  readonly weights: readonly (readonly [path: string, bytes: number])[]
  /** What it still imports by name. */
  readonly externals: readonly string[]
}

const CONDITIONS: Record<Target, string[]> = { browser: ['browser'], workerd: ['workerd', 'worker', 'browser'] }
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
  const loaded = initial(metafile)
  const first = outputFiles.filter((file) => loaded.has(nameOf(file.path)))
  return {
    text: outputFiles.map((file) => file.text).join('\n'),
    brotliBytes: first.reduce((sum, file) => sum + compressed(file.contents), 0),
    weights: weightsOf(metafile, loaded),
    externals: Object.values(metafile.outputs).flatMap(({ imports }) => imports.filter((one) => one.external).map(({ path }) => path)),
  }
}

/** The files that load at once: the entry and its static imports. What is imported on demand is not part of the weight. */
function initial(metafile: Metafile): Set<string> {
  const entry = Object.keys(metafile.outputs).find((path) => metafile.outputs[path]?.entryPoint !== undefined) ?? ''
  const reached = new Set<string>()
  const visit = (path: string): void => {
    if (reached.has(nameOf(path))) return
    reached.add(nameOf(path))
    for (const next of metafile.outputs[path]?.imports ?? []) if (next.kind === 'import-statement' && !next.external) visit(next.path)
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

function compressed(bytes: Uint8Array): number {
  return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length
}
