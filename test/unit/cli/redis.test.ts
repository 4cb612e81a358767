// `varve queue` on a Redis server.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { serverForTests } from '../../fixtures/redis-for-tests.js'
import { describeRedis } from '../../fixtures/redis-server.js'

const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))

function varve(words: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...words], { encoding: 'utf8', input })
  return { status, stdout, stderr }
}

describeRedis('the command line on Redis', () => {
  const server = serverForTests()
  let folder: string
  const place = (prefix: string) => `redis://127.0.0.1:${server.port}?prefix=${prefix}:`
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'varve-cli-redis-'))
  })
  afterAll(async () => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  })

  test('what is appended can be read, listed and followed; another prefix is another store', async () => {
    const [one, other] = [place('one'), place('other')]
    expect(varve(['queue', 'append', one, 'q', '--key', 'k'], '{"k":"a"}\n{"k":"b"}\n')).toMatchObject({ status: 0, stderr: '' })
    expect(varve(['queue', 'read', one, 'q', '--json']).stdout.match(/"offset":\d/g)).toEqual(['"offset":0', '"offset":1'])
    expect(varve(['queue', 'list', one]).stdout).toMatch(/\nq +1 +2 /)
    expect(varve(['queue', 'list', other]).stdout).toBe('no queues\n')
    expect(varve(['health', one]).stdout).toMatch(/redis/)
    const child = spawn(process.execPath, [MAIN, 'queue', 'tail', one, 'q', '--from', 'earliest', '--json'])
    const closed = once(child, 'close')
    let said = ''
    const heard = new Promise<void>((resolve) => {
      child.stdout.on('data', (text) => {
        said += text
        if (said.split('\n').length > 3) resolve()
      })
    })
    expect(varve(['queue', 'append', one, 'q'], '{"later":1}\n').status).toBe(0)
    await heard
    child.kill('SIGINT')
    expect(await closed).toEqual([0, null])
  })

  test('a directory is replicated to a server, and from there to another directory', () => {
    const [from, to] = [join(folder, 'from'), join(folder, 'to')]
    expect(varve(['queue', 'append', from, 'q', '--buckets', '2', '--key', 'k'], '{"k":"a"}\n{"k":"b"}\n{"k":"c"}\n').status).toBe(0)
    expect(varve(['queue', 'replicate', from, place('copy')])).toMatchObject({ status: 0, stderr: '' })
    expect(varve(['queue', 'replicate', place('copy'), to]).stdout).toMatch(/3 records copied\n$/)
    expect(varve(['queue', 'read', to, 'q', '--json']).stdout).toBe(varve(['queue', 'read', from, 'q', '--json']).stdout)
    expect(varve(['queue', 'replicate', place('copy'), from])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/\n0 records copied\n$/),
    })
  })
})
