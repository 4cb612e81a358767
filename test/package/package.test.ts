import { cp, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compile, newProject, type Project, root } from './project.js'
import { runInNode, runInPage, startWorker } from './runtimes.js'

describe('the packed package in an empty project', () => {
  let project: Project

  beforeAll(async () => {
    project = await newProject()
    await cp(join(root, 'test/package/fixture'), join(project.folder, 'src'), { recursive: true })
  })
  afterAll(() => project?.remove())

  test('a first program compiles without types of Node or of Workers', async () => {
    const options = { module: 'nodenext', lib: ['ES2022', 'DOM', 'DOM.AsyncIterable'] }
    await compile(project, 'fixture', ['src/node.ts', 'src/browser.ts', 'src/worker.ts'], options)
  })

  test('in Node, on files: all is there after opening again', async () => {
    const printed = JSON.parse(await runInNode(project, 'src/node.ts'))
    expect(printed).toEqual({ acked: 3, total: 0, seen: ['book', 'ink', 'pen'], state: { seen: 3 }, theme: 'dark', refused: true })
  })

  test('in a page built by Vite, on IndexedDB: all is there after opening again', async () => {
    const printed = JSON.parse(await runInPage(project, 'src/browser.ts'))
    expect(printed).toEqual({ backend: 'indexeddb', state: { seen: ['book', 'pen', 'ink'] }, theme: 'dark', total: 0 })
  })

  test('in a Worker, on R2 and KV: all is there in the next request', async () => {
    const worker = await startWorker(project, 'src/worker.ts')
    try {
      for (const body of ['book', 'pen']) {
        const response = await worker.dispatchFetch('http://shop/', { method: 'POST', body })
        expect(await response.json()).toMatchObject({ bucket: 0, durability: 'remote' })
      }
      const response = await worker.dispatchFetch('http://shop/')
      expect(await response.json()).toEqual({ state: { seen: ['book', 'pen'] }, lag: { total: 0, buckets: [0] }, refused: true })
    } finally {
      await worker.dispose()
    }
  })

  test('the command runs', async () => {
    expect(await project.run('npx', ['--no-install', 'varve', '--version'])).toMatch(/^\d+\.\d+\.\d+/)
    expect(await project.run('npx', ['--no-install', 'varve', '--help'])).toContain('Usage: varve')
  })

  test('only the build and the papers are in it', async () => {
    const entries = await readdir(join(project.folder, 'node_modules/varve'), { recursive: true, withFileTypes: true })
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).split('/node_modules/varve/')[1])
    expect(files.filter((path) => !/^(dist\/.+\.(js|d\.ts)|package\.json|README\.md|CHANGELOG\.md|LICENSE)$/.test(path ?? ''))).toEqual([])
    expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'CHANGELOG.md', 'dist/index.js', 'dist/index.d.ts']))
  })
})
