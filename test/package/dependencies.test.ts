import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from './project.js'

const RUN_BY_INSTALLING = ['preinstall', 'install', 'postinstall', 'prepare']

interface Manifest {
  readonly scripts?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
}

async function manifestOf(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8')) as Manifest
}

test('installing the package runs no code, neither its own nor that of what it depends on, and those are few and pinned', async () => {
  const { dependencies = {} } = await manifestOf('.')
  expect(Object.keys(dependencies).length).toBeLessThanOrEqual(4)
  for (const version of Object.values(dependencies)) expect(version).toMatch(/^\d+\.\d+\.\d+$/)
  for (const folder of ['.', ...Object.keys(dependencies).map((name) => `node_modules/${name}`)]) {
    const { scripts = {} } = await manifestOf(folder)
    expect(
      Object.keys(scripts).filter((name) => RUN_BY_INSTALLING.slice(0, folder === '.' ? 4 : 3).includes(name)),
      folder,
    ).toEqual([])
  }
})

test('what the package depends on depends on nothing', async () => {
  const { dependencies = {} } = await manifestOf('.')
  for (const name of Object.keys(dependencies)) {
    expect(Object.keys((await manifestOf(`node_modules/${name}`)).dependencies ?? {}), name).toEqual([])
  }
})
