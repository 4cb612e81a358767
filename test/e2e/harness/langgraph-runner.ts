// The globals of a test runner, as far as LangGraph's validation of checkpointers uses them: tests are collected with their hooks
// and run in order, in a page or a worker, where there is no runner.

import { describe as textOf } from './run-case.js'

type Hook = () => unknown
type Body = () => unknown

interface Block {
  readonly outer: Block | undefined
  readonly name: string
  readonly beforeAll: Hook[]
  readonly afterAll: Hook[]
  readonly beforeEach: Hook[]
  readonly afterEach: Hook[]
  /** Tests that have not run yet. */
  left: number
  /** What its hooks before all tests did, once they were called. */
  begun: Promise<void> | undefined
}

export interface CollectedTest {
  readonly name: string
  readonly run: () => Promise<void>
}

/** The tests that `register` hands to the globals; those are left set, because tests use them when they run. */
export function collectTests(register: () => void): readonly CollectedTest[] {
  const tests: CollectedTest[] = []
  let block = newBlock('', undefined)
  const describe = (name: string, body: Body): void => {
    block = newBlock(name, block)
    body()
    block = block.outer as Block
  }
  const it = (name: string, body: Body): void => {
    const own = block
    for (const one of blocksOf(own)) one.left++
    const path = [...blocksOf(own).map((one) => one.name), name].filter((part) => part !== '')
    tests.push({ name: path.join(' › '), run: () => runTest(own, body) })
  }
  const hook =
    (kind: 'beforeAll' | 'afterAll' | 'beforeEach' | 'afterEach') =>
    (body: Hook): void =>
      void block[kind].push(body)
  const hooks = { beforeAll: hook('beforeAll'), afterAll: hook('afterAll'), beforeEach: hook('beforeEach'), afterEach: hook('afterEach') }
  Object.assign(globalThis, hooks, { describe: withEach(describe), it: withEach(it), test: withEach(it) })
  register()
  return tests
}

function withEach(declare: (name: string, body: Body) => void) {
  const each =
    (items: readonly unknown[]) =>
    (name: string, body: (item: unknown) => unknown): void => {
      for (const item of items) declare(nameFor(name, item), () => body(item))
    }
  return Object.assign(declare, { each })
}

/** `%s` stands for the item, `$name` for a property of it. */
function nameFor(name: string, item: unknown): string {
  return name.replace('%s', String(item)).replace(/\$(\w+)/g, (_, key: string) => String((item as Record<string, unknown>)[key]))
}

function newBlock(name: string, outer: Block | undefined): Block {
  return { outer, name, beforeAll: [], afterAll: [], beforeEach: [], afterEach: [], left: 0, begun: undefined }
}

/** From the outermost in. */
function blocksOf(block: Block): readonly Block[] {
  return block.outer === undefined ? [block] : [...blocksOf(block.outer), block]
}

async function runTest(block: Block, body: Body): Promise<void> {
  const blocks = blocksOf(block)
  try {
    for (const one of blocks) {
      one.begun ??= callAll(one.beforeAll)
      await one.begun
    }
    for (const one of blocks) await callAll(one.beforeEach)
    await body()
  } finally {
    for (const one of [...blocks].reverse()) {
      await callAll(one.afterEach)
      if (--one.left === 0) await callAll(one.afterAll)
    }
  }
}

async function callAll(hooks: readonly Hook[]): Promise<void> {
  for (const hook of hooks) await hook()
}

/** For each test, in order, what went wrong, or null. */
export async function runTests(tests: readonly CollectedTest[]): Promise<(string | null)[]> {
  const results: (string | null)[] = []
  for (const { run } of tests) {
    results.push(
      await run().then(
        () => null,
        (error: unknown) => textOf(error),
      ),
    )
  }
  return results
}
