// The whole demo on small inputs, with processes that are really killed.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openKv, openQueue } from 'varve'
import { runDemo } from '../../../demo/demo.mjs'
import { parseOptions } from '../../../demo/options.mjs'
import { withDirectory } from '../../../demo/store.mjs'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'varve-demo-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function optionsFor(records: number, more: readonly string[] = []) {
  const input = join(folder, 'input.ndjson')
  const rows = Array.from({ length: records }, (_, n) => JSON.stringify({ n, state: `s${n % 7}`, latitude: n / 7 }))
  writeFileSync(input, `${rows.join('\n')}\n`)
  return parseOptions(['--input', input, '--directory', join(folder, 'store'), ...more])
}

test('a killed consumer loses nothing and counts nothing twice', async () => {
  const result = await runDemo(optionsFor(3000, ['--seed', '5']))
  expect(result.problems).toEqual([])
  expect(result.appended).toBe(3000)
  expect(result.killedAt).toBeGreaterThan(0)
  expect(result.counters.redelivered + result.counters.replayed).toBeGreaterThan(0)
})

test('a second run appends nothing, consumes nothing and compares equal', async () => {
  const options = optionsFor(50)
  await runDemo(options)
  const again = await runDemo(options)
  expect(again).toMatchObject({ problems: [], appended: 0, killedAt: undefined, counters: { folded: 0, snapshots: 0 } })
})

test('an append that was stopped in the middle is taken up where it ended', async () => {
  const options = optionsFor(40)
  await runDemo(options)
  const longer = optionsFor(60)
  await withDirectory(options.directory, async (store: Parameters<typeof openKv>[0]) => {
    // As if the run before had been stopped after 40 of the 60 records.
    const { plainPass } = await import('../../../demo/plain-pass.mjs')
    const { identity } = await plainPass(longer.input)
    const marks = await openKv<{ input: object }>(store, 'demo')
    await marks.put('input', { identity, name: 'input.ndjson', records: 60, bytes: 1, complete: false })
  })
  expect(await runDemo(longer)).toMatchObject({ problems: [], appended: 20 })
})

test('another input in the same directory is refused', async () => {
  await runDemo(optionsFor(10))
  await expect(runDemo(optionsFor(11))).rejects.toThrow(/holds another input(.|\n)*another --directory/)
})

test('a log that holds more than the input does not compare equal', async () => {
  const options = optionsFor(10)
  await runDemo(options)
  await withDirectory(options.directory, async (store: Parameters<typeof openKv>[0]) => {
    const queue = await openQueue(store, 'records')
    await queue.appendRecords([{ key: 's0', value: { n: 0 } }])
  })
  const { problems } = await runDemo(options)
  expect(problems.length).toBeGreaterThan(0)
  expect(existsSync(options.directory)).toBe(true)
})
