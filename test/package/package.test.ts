import { cp, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { otherNode } from '../../scripts/other-node.mjs'
import { compile, newProject, type Project, root } from './project.js'
import { runInNode, runInPage, startWorker } from './runtimes.js'

const PRINTED_IN_NODE = {
  acked: 3,
  total: 0,
  first: 'book',
  seen: ['book', 'ink', 'pen'],
  state: { seen: 3 },
  theme: 'dark',
  refused: true,
}

/** Beside the one that runs the tests: all that package.json promises. */
const OTHER_NODES = ['22.23.3', '24.21.0']
const NODE_WITH_USING = '24.21.0'
const COMMAND = 'node_modules/varve/dist/cli/main.js'

/** In a language that the compiler of this file would rewrite. */
const USING = `
import { openKv, openStore } from 'varve'
import { memory } from 'varve/adapters/memory'
await using backend = memory()
let left
{
  await using store = await openStore(backend)
  await using keys = await openKv(store)
  await keys.put('theme', 'dark')
  left = keys
}
const theme = await (await openKv(backend)).get('theme')
console.log(theme, await left.get('theme').catch(({ code }) => code))
`

const ZSTD = `
import { openSnapshots } from 'varve'
import { memory } from 'varve/adapters/memory'
const snapshots = await openSnapshots(memory(), { compression: { name: 'zstd', level: 9 } })
const { compression } = await snapshots.save({ agent: 'a', session: 's', state: 'again and '.repeat(5000) })
console.log(compression, (await snapshots.load({ agent: 'a', session: 's' })).length)
`

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
    expect(JSON.parse(await runInNode(project, 'src/node.ts'))).toEqual(PRINTED_IN_NODE)
  })

  for (const version of OTHER_NODES) {
    test(`in Node ${version}, on files: all is there after opening again`, async ({ skip }) => {
      const node = await otherNode(version).catch((error: Error) => skip(`no Node ${version}: ${error.message}`))
      expect(JSON.parse(await runInNode(project, 'src/node.ts', node, `node-${version}`))).toEqual(PRINTED_IN_NODE)
      expect(await project.run(node, [COMMAND, 'queue', 'list', `node-${version}/.varve/shop`])).toMatch(/^orders +2 +3 /m)
    })
  }

  for (const version of OTHER_NODES) {
    test(`in Node ${version}: zstd by its name`, async ({ skip }) => {
      const node = await otherNode(version).catch((error: Error) => skip(`no Node ${version}: ${error.message}`))
      expect(await project.run(node, [await project.write('src/zstd.mjs', ZSTD)])).toBe('zstd 50000\n')
    })
  }

  test('in a Node that has await using: leaving the block closes', async ({ skip }) => {
    const node = await otherNode(NODE_WITH_USING).catch((error: Error) => skip(`no Node ${NODE_WITH_USING}: ${error.message}`))
    const script = await project.write('src/using.mjs', USING)
    expect(await project.run(node, [script])).toBe('dark closed\n')
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
