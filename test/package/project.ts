// An empty project of a new user in a folder of its own, with the package installed from the tarball that would be published.

import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** The folder of package.json. */
export const root = resolve(import.meta.dirname, '../..')

export interface Project {
  readonly folder: string
  write(path: string, text: string): Promise<string>
  /** Runs a command there, or in a folder below; resolves to what it printed, rejects with it when it fails. */
  run(command: string, args: readonly string[], below?: string): Promise<string>
  /** Runs a script with this Node. */
  node(...args: readonly string[]): Promise<string>
  remove(): Promise<void>
}

/** Packs the build, makes the project and installs into it what `npm install varve` would bring. */
export async function newProject(): Promise<Project> {
  const folder = await mkdtemp(join(tmpdir(), 'varve-project-'))
  const project = projectIn(folder)
  await project.write('package.json', '{ "private": true, "type": "module" }\n')
  await mkdir(join(folder, 'packed'))
  await execute('npm', ['pack', '--ignore-scripts', '--pack-destination', join(folder, 'packed')], { cwd: root })
  const [tarball] = await readdir(join(folder, 'packed'))
  await project.run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', `./packed/${tarball}`])
  return project
}

function projectIn(folder: string): Project {
  const run = async (command: string, args: readonly string[], below = ''): Promise<string> => {
    try {
      const cwd = join(folder, below)
      await mkdir(cwd, { recursive: true })
      const { stdout } = await execute(command, args, { cwd, timeout: 120_000, maxBuffer: 1 << 26 })
      return stdout
    } catch (error) {
      const { stdout = '', stderr = '', message } = error as { stdout?: string; stderr?: string; message: string }
      throw new Error(`${message}\n${stdout}${stderr}`)
    }
  }
  return {
    folder,
    run,
    node: (...args) => run(process.execPath, args),
    write: async (path, text) => {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), text)
      return join(folder, path)
    },
    remove: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }),
  }
}

/** Compiles files of the project with the compiler of this repository; rejects with the compiler's words. */
export async function compile(project: Project, name: string, files: readonly string[], options: Record<string, unknown>): Promise<string> {
  const compilerOptions = { ...COMPILER_OPTIONS, ...options }
  const config = await project.write(`tsconfig.${name}.json`, JSON.stringify({ compilerOptions, files }))
  return project.node(join(root, 'node_modules/typescript/bin/tsc'), '-p', config)
}

const COMPILER_OPTIONS = { target: 'ES2022', strict: true, noEmit: true, skipLibCheck: false, types: [] as string[] }
