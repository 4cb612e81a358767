// Bundles a few lines that import the package, the way an application's bundler would, and looks at the result.

import { build, type Metafile } from 'esbuild'

export type Target = 'browser' | 'workerd'

export interface Bundle {
  readonly text: string
  /** The modules that load at first, heaviest first, with their minified bytes. */
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
  return {
    text: outputFiles.map((file) => file.text).join('\n'),
    weights: weightsOf(metafile, initial(metafile)),
    externals: Object.values(metafile.outputs).flatMap(({ imports }) => imports.filter((one) => one.external).map(({ path }) => path)),
  }
}

/** The files that load at first: the entry and its static imports. */
function initial(metafile: Metafile): Set<string> {
  const entry = Object.keys(metafile.outputs).find((path) => metafile.outputs[path]?.entryPoint === '<stdin>') ?? ''
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
