import { execFileSync } from 'node:child_process'
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { nodeFs } from 'varve/adapters/node-fs'
import { type Actor, startActor } from '../fixtures/actor.js'

const root = mkdtempSync(join(tmpdir(), 'varve-faults-'))
chmodSync(root, 0o755)
const actors: Actor[] = []
let made = 0
const newDirectory = () => join(root, String(made++))
const isRoot = process.getuid?.() === 0

async function actor(options = {}): Promise<Actor> {
  const started = await startActor(options)
  actors.push(started)
  return started
}

afterEach(async () => {
  await Promise.all(actors.splice(0).map((one) => one.kill()))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

describe('a killed process', () => {
  test('leaves the old value or the new one, keeps what it acknowledged, and its leftovers are swept, over 40 kills', async () => {
    const directory = newDirectory()
    for (let round = 0; round < 40; round++) {
      const writer = await actor()
      await writer.ask('open', { directory })
      let stored = Number((await writer.ask('putForEver', { key: 'deep/key' })).stored)
      for (let i = 0; i < 3 + ((round * 7) % 40); i++) stored = Number((await writer.next()).stored)
      await writer.kill()
      for (const answer of writer.unheard) stored = Math.max(stored, Number(answer.stored))
      const backend = nodeFs({ directory })
      const data = (await backend.blobs.get('deep/key'))?.data ?? new Uint8Array(0)
      expect([stored % 251, (stored + 1) % 251], `round ${round}`).toContain(data[0])
      expect(
        data.every((byte) => byte === data[0]),
        `one value in round ${round}`,
      ).toBe(true)
      expect([1000 + (stored % 50) * 4000, 1000 + ((stored + 1) % 50) * 4000]).toContain(data.length)
      await backend.blobs.put('other', new Uint8Array(1))
      expect(readdirSync(join(directory, 'tmp'))).toEqual([])
      await backend.close()
    }
  })
})

describe('a sync that failed', () => {
  test.skipIf(process.platform !== 'linux')('is the end of the file handle, not of the file', async () => {
    const backend = nodeFs({ directory: newDirectory() })
    const file = await backend.files?.open('log', { mode: 'append' })
    await file?.append(Uint8Array.of(1, 2, 3))
    await file?.sync('strict')
    const device = replaceByFullDevice('log=')
    await expect(file?.append(Uint8Array.of(4))).rejects.toMatchObject({ code: 'quota' })
    await expect(file?.sync('strict')).rejects.toMatchObject({ name: 'StorageError' })
    for (const again of [() => file?.append(Uint8Array.of(4)), () => file?.sync('strict'), () => file?.read({ start: 0, end: 1 })]) {
      await expect(again()).rejects.toMatchObject({ code: 'unavailable' })
    }
    expect(device).toBeGreaterThan(0)
    await file?.close()
    const anew = await backend.files?.open('log', { mode: 'append' })
    expect(await anew?.append(Uint8Array.of(4))).toBe(3)
    await anew?.sync('strict')
    await backend.close()
  })
})

/** Puts the device that is always full behind the descriptor of an open file, and says which it was. */
function replaceByFullDevice(name: string): number {
  for (const fd of readdirSync('/proc/self/fd').map(Number)) {
    if (!linkOf(fd).endsWith(name)) continue
    closeSync(fd)
    const device = openSync('/dev/full', 'r+')
    expect(device).toBe(fd)
    return device
  }
  return -1
}

function linkOf(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return ''
  }
}

describe.skipIf(!isRoot)('another user', () => {
  const nobody = { uid: 65534, gid: 65534 }

  test('who may not write is denied, and may still look', async () => {
    const directory = newDirectory()
    mkdirSync(directory, { mode: 0o755 })
    const user = await actor(nobody)
    await user.ask('open', { directory })
    expect(await user.ask('get', { key: 'a' })).toEqual({})
    expect(await user.ask('put', { key: 'a' })).toMatchObject({ code: 'denied' })
    expect(await user.ask('append', { path: 'a' })).toMatchObject({ code: 'denied' })
    expect(await user.ask('acquire')).toMatchObject({ code: 'denied' })
    expect(readdirSync(directory)).toEqual([])
  })

  test('who may not even make the directory, or not read what is in it, is denied', async () => {
    const closed = newDirectory()
    const owner = nodeFs({ directory: closed })
    await owner.blobs.put('a', new Uint8Array(1))
    await owner.close()
    const user = await actor(nobody)
    await user.ask('open', { directory: closed })
    expect(await user.ask('get', { key: 'a' })).toMatchObject({ code: 'denied' })
    expect(await user.ask('put', { key: 'a' })).toMatchObject({ code: 'denied' })
    await user.ask('open', { directory: join(root, 'not', 'allowed') })
    expect(await user.ask('put', { key: 'a' })).toMatchObject({ code: 'denied' })
  })
})

describe.skipIf(!canMount())('a full disk', () => {
  test('is quota, loses nothing that was acknowledged, and goes on when there is room again', async () => {
    await onSmallDisk('2m', async (directory) => {
      const backend = nodeFs({ directory })
      const stored = await putUntilQuota(backend, 60_000)
      expect(stored).toBeGreaterThan(20)
      expect(readdirSync(join(directory, 'tmp'))).toEqual([])
      await expect(backend.blobs.put('k/0', new Uint8Array(900_000).fill(99))).rejects.toMatchObject({ code: 'quota' })
      for (let i = 0; i < stored; i++) {
        const data = (await backend.blobs.get(`k/${i}`))?.data
        expect(data?.length === 60_000 && data.every((byte) => byte === i)).toBe(true)
      }
      await backend.blobs.delete(['k/0', 'k/1'])
      await backend.blobs.put('k/0', new Uint8Array(60_000))
      await backend.close()
    })
  })

  test('in the middle of an append is quota, and the next append begins where it began', async () => {
    await onSmallDisk('1m', async (directory) => {
      const backend = nodeFs({ directory })
      await backend.blobs.put('room', new Uint8Array(100_000))
      const file = await backend.files?.open('log', { mode: 'append' })
      let size = 0
      const filling = (async () => {
        for (;;) {
          await file?.append(new Uint8Array(10_001).fill(7))
          size += 10_001
          await file?.sync('strict')
        }
      })()
      await expect(filling).rejects.toMatchObject({ code: 'quota' })
      expect(file?.size).toBe(size)
      expect(statSync(join(directory, 'files', 'log=')).size).toBe(size)
      await backend.blobs.delete(['room'])
      expect(await file?.append(Uint8Array.of(1))).toBe(size)
      await file?.sync('strict')
      expect((await file?.read({ start: 0, end: size }))?.every((byte) => byte === 7)).toBe(true)
      await backend.close()
    })
  })

  test('from the first moment on is quota, and a store on it can still be read', async () => {
    await onSmallDisk('1m', async (directory) => {
      const first = nodeFs({ directory })
      await first.blobs.put('a', new Uint8Array(5))
      await first.close()
      expect(() => writeFileSync(join(directory, 'filler'), new Uint8Array(2_000_000))).toThrow('ENOSPC')
      const second = nodeFs({ directory })
      expect((await second.blobs.get('a'))?.bytes).toBe(5)
      await expect(second.blobs.put('b', new Uint8Array(50_000))).rejects.toMatchObject({ code: 'quota' })
      rmSync(join(directory, 'filler'))
      await second.blobs.put('b', new Uint8Array(50_000))
      await second.close()
    })
  })
})

async function putUntilQuota(backend: ReturnType<typeof nodeFs>, length: number): Promise<number> {
  for (let i = 0; ; i++) {
    try {
      await backend.blobs.put(`k/${i}`, new Uint8Array(length).fill(i))
    } catch (error) {
      expect(error).toMatchObject({ code: 'quota' })
      return i
    }
  }
}

async function onSmallDisk(size: string, body: (directory: string) => Promise<void>): Promise<void> {
  const directory = newDirectory()
  mkdirSync(directory)
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', directory])
  try {
    await body(directory)
  } finally {
    execFileSync('umount', ['-l', directory])
  }
}

function canMount(): boolean {
  const directory = newDirectory()
  mkdirSync(directory)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory], { stdio: 'ignore' })
    execFileSync('umount', [directory])
    return true
  } catch {
    return false
  }
}
