// What is loaded on demand is loaded once a process: so each reader here is a process of its own.

import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openKv, openQueue, openSnapshots, openStore } from 'varve'

const run = promisify(execFile)
const when = new Date(86_400_000)
const branch = { agent: 'a', session: 's' }
let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-on-demand-'))
  const store = await openStore('mixed', { directory })
  const codec = 'structured'
  await (await openKv<Record<string, Date>>(store, 'keys', { codec })).put('when', when)
  const queue = await openQueue<Date>(store, 'queue', { codec })
  await queue.append(when)
  await (await openSnapshots<Date>(store, { codec })).save({ ...branch, state: when })
  await store.close()
})

afterAll(() => rm(directory, { recursive: true, force: true }))

const reads = {
  'a key': `await (await openKv(store, 'keys')).get('when')`,
  'the listing of a namespace': `(await (await openKv(store, 'keys')).list().next()).value.value`,
  'an update': `await (await openKv(store, 'keys')).update('when', (at) => { if (!(at instanceof Date)) throw at; return at.getTime() })`,
  'a record': `(await (await openQueue(store, 'queue')).read())[0].value`,
  'a tail': `(await (await openQueue(store, 'queue')).tail({ from: 0 }).next()).value.value`,
  'a delivery': `(await (await (await openQueue(store, 'queue')).group('g')).receive())[0].value`,
  'a snapshot': `await (await openSnapshots(store)).load(${JSON.stringify(branch)})`,
}

for (const [name, expression] of Object.entries(reads)) {
  test(`${name} that was written structured is read by a process that chose json`, async () => {
    const script = `
      import { openKv, openQueue, openSnapshots, openStore } from 'varve'
      const store = await openStore('mixed', { directory: ${JSON.stringify(directory)} })
      console.log(new Date(${expression}).toISOString())
      process.exit()`
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], { cwd: import.meta.dirname })
    expect(stdout).toBe(`${when.toISOString()}\n`)
  })
}
