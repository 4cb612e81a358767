import { existsSync } from 'node:fs'
import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Place, readmeSnippets, type Snippet, snippetsOf } from '../snippets/readme.js'
import { compile, newProject, type Project, root } from './project.js'
import { runInNode, runInPage, startWorker } from './runtimes.js'

// Read while the tests are collected, so that each block is a test, named by its place and line. Without a README there is nothing to show.
const snippets = existsSync(join(root, 'README.md')) ? await readmeSnippets() : []

const OPTIONS: Record<Place, Record<string, unknown>> = {
  node: { module: 'nodenext', lib: ['ES2023', 'ESNext.Disposable'], types: ['node'], skipLibCheck: true },
  browser: { module: 'esnext', moduleResolution: 'bundler', lib: ['ES2022', 'DOM', 'DOM.AsyncIterable', 'DOM.Iterable'] },
  worker: { module: 'esnext', moduleResolution: 'bundler', lib: ['ES2022'], types: ['@cloudflare/workers-types'], skipLibCheck: true },
}

describe('code in README', () => {
  let project: Project

  beforeAll(async () => {
    project = await newProject()
    for (const scope of ['@types', '@cloudflare', '@langchain', '@opentelemetry', 'brotli-wasm', 'valibot', 'yaml'])
      await symlink(join(root, 'node_modules', scope), join(project.folder, 'node_modules', scope))
    for (const { file, code } of snippets) await project.write(file, `${code}\nexport {}\n`)
  })
  afterAll(() => project?.remove())

  test('shows the package at work in Node, in a page and in a Worker', () => {
    const importing = snippets.filter(({ code }) => /from 'varve/.test(code))
    expect(new Set(importing.map(({ place }) => place))).toEqual(new Set(['node', 'browser', 'worker']))
  })

  for (const snippet of snippets) {
    const { place, file, code } = snippet
    test(`${file} compiles for ${place}`, async () => {
      // Its declarations need libraries that they do not name.
      const given = /'@langchain\//.test(code) ? { skipLibCheck: true } : {}
      await compile(project, file, [file], { ...OPTIONS[place], ...given })
    })
    test(`${file} runs in ${place}`, async () => {
      await runs[place](project, snippet)
    })
  }
})

const runs: Record<Place, (project: Project, snippet: Snippet) => Promise<void>> = {
  node: async (project, { file }) => {
    await runInNode(project, file)
  },
  browser: async (project, { file }) => {
    await runInPage(project, file)
  },
  worker: async (project, { file, code }) => {
    const worker = await startWorker(project, file)
    try {
      if (/\bfetch\s*\(/.test(code)) await expectAnswer(worker, 'POST')
      if (/\bscheduled\s*\(/.test(code)) expect((await (await worker.getWorker()).scheduled({})).outcome).toBe('ok')
    } finally {
      await worker.dispose()
    }
  },
}

async function expectAnswer(worker: Awaited<ReturnType<typeof startWorker>>, method: string): Promise<void> {
  const response = await worker.dispatchFetch('http://worker.example/', { method, body: '{"item":"book"}' })
  const text = await response.text()
  expect(response.status, text).toBeLessThan(400)
}

describe('how README is read', () => {
  test('blocks carry their place and line, and `more` continues the one before', () => {
    const found = snippetsOf(
      ['# A', '```ts node', 'let a = 1', '```', 'and', '```ts node more', 'a++', '```', '```sh', 'ls', '```'].join('\n'),
    )
    expect(found).toEqual([{ place: 'node', line: 2, file: 'node-2.ts', code: 'let a = 1\n\na++\n' }])
  })

  test('a block that says nowhere is an error, a shape is skipped', () => {
    expect(() => snippetsOf('```ts\nlet a = 1\n```')).toThrow('line 1')
    expect(snippetsOf('```ts shape\ninterface A {}\n```')).toEqual([])
  })
})
