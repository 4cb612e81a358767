import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { nodeFs } from 'varve/adapters/node-fs'
import { type Actor, startActor, startActorInNamespace } from '../fixtures/actor.js'

const root = mkdtempSync(join(tmpdir(), 'varve-lock-'))
const actors: Actor[] = []
let made = 0

const newDirectory = () => join(root, String(made++))

async function actor(): Promise<Actor> {
  const started = await startActor()
  actors.push(started)
  return started
}

afterEach(async () => {
  await Promise.all(actors.splice(0).map((one) => one.kill()))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** The lock file of a process that was killed while it owned a directory. */
async function fileOfDeadOwner(): Promise<string> {
  const directory = newDirectory()
  const owner = await actor()
  await owner.ask('open', { directory })
  expect(await owner.ask('acquire')).toMatchObject({ got: true })
  await owner.kill()
  return readFileSync(join(directory, 'lock', '1'), 'utf8')
}

describe('another process on the directory', () => {
  test('is denied with host and pid of the owner, but may read', async () => {
    const directory = newDirectory()
    const own = nodeFs({ directory })
    await own.blobs.put('a', new Uint8Array(7))
    const other = await actor()
    await other.ask('open', { directory })
    for (const attempt of [other.ask('put', { key: 'b' }), other.ask('append', { path: 'b' })]) {
      const answer = await attempt
      expect(answer.code).toBe('denied')
      expect(answer.message).toContain(`host="${hostname()}"`)
      expect(answer.message).toContain(`pid=${process.pid}`)
    }
    expect(await other.ask('acquire')).toMatchObject({ got: false, owner: `host=${hostname()} pid=${process.pid}` })
    expect(await other.ask('get', { key: 'a' })).toEqual({ bytes: 7 })
    await own.close()
    expect(await other.ask('put', { key: 'b' })).toEqual({})
  })

  test('gets the directory at once when its owner was killed', async () => {
    const directory = newDirectory()
    const owner = await actor()
    await owner.ask('open', { directory })
    await owner.ask('put', { key: 'a' })
    await owner.kill()
    const own = nodeFs({ directory })
    await own.blobs.put('b', new Uint8Array(1))
    expect(readdirSync(join(directory, 'lock'))).toEqual(['2'])
    await own.close()
  })

  test('waits for the directory when it is told to', async () => {
    const directory = newDirectory()
    const owner = await actor()
    await owner.ask('open', { directory })
    await owner.ask('acquire')
    const own = nodeFs({ directory })
    const waiting = own.locks?.acquire('store', { wait: true })
    await owner.ask('close')
    expect((await waiting)?.held()).toBe(true)
    await own.close()
  })
})

describe('in one process', () => {
  test('two backends over one directory, also through a link, share its lock until the last is closed', async () => {
    const directory = newDirectory()
    mkdirSync(directory)
    symlinkSync(directory, `${directory}-link`)
    const one = nodeFs({ directory })
    const two = nodeFs({ directory: `${directory}-link` })
    const other = await actor()
    await other.ask('open', { directory })
    await one.blobs.put('a', new Uint8Array(1))
    await two.blobs.put('b', new Uint8Array(1))
    expect((await one.locks?.acquire('name'))?.held()).toBe(true)
    expect(await two.locks?.acquire('name')).toBeUndefined()
    await one.close()
    expect(await other.ask('acquire')).toMatchObject({ got: false })
    await two.close()
    expect(await other.ask('acquire')).toMatchObject({ got: true })
  })

  test('tokens rise from owner to owner, also after the lock was given back', async () => {
    const directory = newDirectory()
    let last = 0
    for (let i = 0; i < 4; i++) {
      const backend = nodeFs({ directory })
      const lock = await backend.locks?.acquire('store')
      expect(lock?.token).toBeGreaterThan(last)
      last = lock?.token ?? 0
      await backend.close()
      expect(lock?.held()).toBe(false)
    }
    expect(readdirSync(join(directory, 'lock'))).toEqual(['4'])
  })

  test('an owner whose lock was taken over is fenced, whatever its successor did since', async () => {
    const directory = newDirectory()
    const backend = nodeFs({ directory })
    const lock = await backend.locks?.acquire('store')
    const file = await backend.files?.open('log', { mode: 'append' })
    writeFileSync(join(directory, 'lock', '2'), '{"released":true}')
    expect(lock?.held()).toBe(false)
    expect(lock?.lost.aborted).toBe(true)
    await expect(backend.blobs.put('a', new Uint8Array(1))).rejects.toMatchObject({ code: 'fenced' })
    await expect(backend.blobs.delete(['a'])).rejects.toMatchObject({ code: 'fenced' })
    await expect(file?.append(new Uint8Array(1))).rejects.toMatchObject({ code: 'fenced' })
    for (const gone of ['1', '2']) rmSync(join(directory, 'lock', gone))
    expect(lock?.held()).toBe(false)
    await backend.close()
    const next = nodeFs({ directory })
    await next.blobs.put('a', new Uint8Array(1))
    await next.close()
  })

  test('an owner whose directory was removed is fenced', async () => {
    const directory = newDirectory()
    const backend = nodeFs({ directory })
    await backend.blobs.put('a', new Uint8Array(1))
    rmSync(directory, { recursive: true })
    await expect(backend.blobs.put('a', new Uint8Array(1))).rejects.toMatchObject({ code: 'fenced' })
    await backend.close()
  })

  test('a lock file cut short, or of nonsense, is an owner until its heartbeat is old', async () => {
    for (const text of ['', '{"host":"a', '[]', 'null', '{"pid":"x"}']) {
      const directory = newDirectory()
      mkdirSync(join(directory, 'lock'), { recursive: true })
      writeFileSync(join(directory, 'lock', '7'), text)
      const backend = nodeFs({ directory })
      await expect(backend.blobs.put('a', new Uint8Array(1))).rejects.toMatchObject({ code: 'denied' })
      const old = Date.now() / 1000 - 31
      utimesSync(join(directory, 'lock', '7'), old, old)
      await backend.blobs.put('a', new Uint8Array(1))
      expect(readdirSync(join(directory, 'lock'))).toEqual(['8'])
      await backend.close()
    }
  })

  test('a number that another process has now is not the owner that had it before', async () => {
    const directory = newDirectory()
    const dead = JSON.parse(await fileOfDeadOwner()) as Record<string, unknown>
    mkdirSync(join(directory, 'lock'), { recursive: true })
    writeFileSync(join(directory, 'lock', '1'), JSON.stringify({ ...dead, pid: process.ppid }))
    const backend = nodeFs({ directory })
    await backend.blobs.put('a', new Uint8Array(1))
    await backend.close()
  })

  test('an owner on another host, or before another boot, is alive until its heartbeat is old', async () => {
    const dead = JSON.parse(await fileOfDeadOwner()) as Record<string, unknown>
    for (const other of [{ host: 'elsewhere' }, { boot: 'another' }, { namespace: 'pid:[1]' }, { namespace: undefined }]) {
      const directory = newDirectory()
      const file = join(directory, 'lock', '1')
      mkdirSync(join(directory, 'lock'), { recursive: true })
      writeFileSync(file, JSON.stringify({ ...dead, ...other }))
      const backend = nodeFs({ directory })
      expect(await backend.locks?.acquire('store')).toBeUndefined()
      utimesSync(file, Date.now() / 1000 - 25, Date.now() / 1000 - 25)
      expect(await backend.locks?.acquire('store')).toBeUndefined()
      utimesSync(file, Date.now() / 1000 - 31, Date.now() / 1000 - 31)
      expect((await backend.locks?.acquire('store'))?.held()).toBe(true)
      await backend.close()
    }
  })
})

describe('a race', () => {
  test('of six processes for the lock of a dead owner has exactly one winner, in each of 200 rounds', async () => {
    const dead = await fileOfDeadOwner()
    const contenders = await Promise.all(Array.from({ length: 6 }, actor))
    for (let round = 0; round < 200; round++) {
      const directory = newDirectory()
      mkdirSync(join(directory, 'lock'), { recursive: true })
      writeFileSync(join(directory, 'lock', String(1 + (round % 12))), dead)
      await Promise.all(contenders.map((one) => one.ask('open', { directory })))
      const at = Date.now() + 4
      const answers = await Promise.all(contenders.map((one) => one.ask('acquire', { at })))
      expect(answers.filter((answer) => answer.code !== undefined)).toEqual([])
      expect(answers.filter((answer) => answer.got).length, `winners in round ${round}`).toBe(1)
      const held = await Promise.all(contenders.map((one) => one.ask('held')))
      expect(held.map((one) => one.held)).toEqual(answers.map((answer) => answer.got))
      await Promise.all(contenders.map((one) => one.ask('close')))
    }
  })

  test('of five processes that go in and out has never two inside, and its tokens only rise', async () => {
    const directory = newDirectory()
    const contenders = await Promise.all(Array.from({ length: 5 }, actor))
    const options = { directory, times: 40, inside: join(root, 'inside'), log: join(root, 'tokens') }
    const answers = await Promise.all(contenders.map((one) => one.ask('enter', options)))
    expect(answers).toEqual(Array.from({ length: 5 }, () => ({})))
    const tokens = readFileSync(options.log, 'utf8').trim().split('\n').map(Number)
    expect(tokens.length).toBe(200)
    expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b))
  })
})

describe.skipIf(!canUnshare())('process number spaces', () => {
  test('a live owner in another one is not called dead, from either side', async () => {
    const directory = newDirectory()
    const inside = await startActorInNamespace()
    actors.push(inside)
    await inside.ask('open', { directory })
    expect(await inside.ask('acquire')).toMatchObject({ got: true })
    const own = nodeFs({ directory })
    await expect(own.blobs.put('a', new Uint8Array(1))).rejects.toMatchObject({ code: 'denied' })
    expect(await inside.ask('held')).toEqual({ held: true, lost: false })
    await inside.ask('close')
    await own.blobs.put('a', new Uint8Array(1))
    expect(await inside.ask('open', { directory })).toEqual({})
    expect(await inside.ask('acquire')).toMatchObject({ got: false })
    await own.close()
  })

  test('an owner there that stopped for 30 s is taken over, and fenced when it wakes', async () => {
    const directory = newDirectory()
    const inside = await startActorInNamespace()
    actors.push(inside)
    await inside.ask('open', { directory })
    expect(await inside.ask('acquire')).toMatchObject({ got: true })
    const old = Date.now() / 1000 - 40
    utimesSync(join(directory, 'lock', '1'), old, old)
    const own = nodeFs({ directory })
    await own.blobs.put('a', new Uint8Array(1))
    expect(await inside.ask('held')).toEqual({ held: false, lost: true })
    expect(await inside.ask('put', { key: 'a', length: 9 })).toMatchObject({ code: 'fenced' })
    expect((await own.blobs.get('a'))?.bytes).toBe(1)
    await own.close()
  })
})

function canUnshare(): boolean {
  try {
    execFileSync('unshare', ['--pid', '--fork', '--mount-proc', 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
