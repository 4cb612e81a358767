import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { nodeFs } from 'varve/adapters/node-fs'
import { usedBytes } from '../../dist/adapters/node-fs/used-bytes.js'

const root = mkdtempSync(join(tmpdir(), 'varve-directory-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let made = 0
const newDirectory = () => join(root, String(made++))

async function keysOf(backend: ReturnType<typeof nodeFs>): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of backend.blobs.list()) keys.push(key)
  return keys
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? [join(entry.parentPath, entry.name)] : [],
  )
}

describe('the directory', () => {
  test('is not touched before the first change', async () => {
    const directory = newDirectory()
    const backend = nodeFs({ directory })
    expect(await backend.blobs.get('a')).toBeUndefined()
    expect(await keysOf(backend)).toEqual([])
    expect(await backend.locks?.owner('store')).toBeUndefined()
    backend.signals?.listen('a', () => {})()
    await backend.health()
    await backend.close()
    expect(existsSync(directory)).toBe(false)
  })

  test('is counted by health: what this store takes, and apart from it what the disk has left', async () => {
    const directory = newDirectory()
    const backend = nodeFs({ directory })
    expect(await backend.health()).toMatchObject({ usedBytes: 0, freeBytes: undefined })
    await backend.blobs.put('a/b', new Uint8Array(100_000))
    symlinkSync('/', join(directory, 'link'))
    const { usedBytes: before = 0, freeBytes = 0 } = await backend.health()
    expect(before).toBe(filesBelow(directory).reduce((sum, path) => sum + statSync(path).size, 0))
    expect(freeBytes).toBeGreaterThan(0)
    await backend.blobs.put('a/c', new Uint8Array(50_000))
    const { usedBytes: after } = await backend.health()
    expect(after).toBe(before + 50_000)
    await backend.close()
  })

  test('that holds more than can be counted soon is said to be of unknown size', async () => {
    const directory = newDirectory()
    mkdirSync(join(directory, 'b'), { recursive: true })
    for (const name of ['a', 'b/c', 'b/d']) writeFileSync(join(directory, name), name)
    expect([await usedBytes(directory, 4), await usedBytes(directory, 3)]).toEqual([7, undefined])
  })

  test('without a name is invalid', () => {
    for (const options of [{ directory: '' }, {}, undefined]) {
      expect(() => nodeFs(options as { directory: string })).toThrow('nodeFs wants { directory }')
    }
  })

  test('that is a file is an error that says so', async () => {
    const directory = newDirectory()
    writeFileSync(directory, 'a file')
    const backend = nodeFs({ directory })
    await expect(backend.blobs.put('a', new Uint8Array(1))).rejects.toMatchObject({
      name: 'StorageError',
      backend: 'node-fs',
      operation: 'put',
    })
    await backend.close()
    expect(readFileSync(directory, 'utf8')).toBe('a file')
  })

  test('and everything in it is for its user alone', async () => {
    const directory = newDirectory()
    const backend = nodeFs({ directory })
    await backend.blobs.put('a/b', new Uint8Array(1))
    const file = await backend.files?.open('c/d', { mode: 'append' })
    await file?.append(new Uint8Array(1))
    for (const path of filesBelow(directory)) expect(statSync(path).mode & 0o077, path).toBe(0)
    expect(statSync(directory).mode & 0o077).toBe(0)
    await backend.close()
  })
})

describe('keys', () => {
  test('outside the alphabet or too long are invalid', async () => {
    const backend = nodeFs({ directory: newDirectory() })
    for (const key of ['', 'A', 'a b', 'a\0', 'ä', 'a\\b', 'a=', 'a+', 'k'.repeat(backend.blobs.traits.maxKeyBytes + 1)]) {
      await expect(backend.blobs.put(key, new Uint8Array(1)), JSON.stringify(key.slice(0, 20))).rejects.toMatchObject({ code: 'invalid' })
      await expect(backend.blobs.get(key)).rejects.toMatchObject({ code: 'invalid' })
      await expect(backend.files?.open(key, { mode: 'append' })).rejects.toMatchObject({ code: 'invalid' })
    }
    await backend.close()
  })

  test('of dots and slashes stay inside and apart', async () => {
    const directory = newDirectory()
    const backend = nodeFs({ directory })
    const keys = ['.', '..', '../..', '../../etc/passwd', '/', '//', '/etc/passwd', 'a/', 'a//b', 'a/./b', 'a/../b', '...', 'a/..']
    for (const [i, key] of keys.entries()) await backend.blobs.put(key, new Uint8Array(i + 1))
    for (const [i, key] of keys.entries()) expect((await backend.blobs.get(key))?.bytes, key).toBe(i + 1)
    expect(await keysOf(backend)).toEqual([...keys].sort())
    expect(readdirSync(root).sort()).toEqual(expect.not.arrayContaining(['etc']))
    await backend.close()
  })

  test('of 1000 characters, and of the longest kind, work and leave nothing behind when deleted', async () => {
    const directory = newDirectory()
    const backend = nodeFs({ directory })
    const keys = ['k'.repeat(1000), `${'a'.repeat(765)}/${'b'.repeat(765)}/${'c'.repeat(765)}`, '0123456789'.repeat(290)]
    for (const key of keys) await backend.blobs.put(key, new Uint8Array(2))
    expect(await keysOf(backend)).toEqual([...keys].sort())
    await backend.blobs.delete(keys)
    expect(readdirSync(join(directory, 'blobs'))).toEqual([])
    await backend.close()
  })
})

describe('versions', () => {
  test('of 3000 puts of equal bytes within a few milliseconds all differ', async () => {
    const backend = nodeFs({ directory: newDirectory() })
    const versions = new Set<string>()
    for (let i = 0; i < 3000; i++) versions.add((await backend.blobs.put('a', new Uint8Array(4), { durability: 'relaxed' })).version)
    expect(versions.size).toBe(3000)
    await backend.close()
  })

  test('do not come back when a blob is deleted and put again, nor with another owner', async () => {
    const directory = newDirectory()
    const versions = new Set<string>()
    for (let i = 0; i < 20; i++) {
      const backend = nodeFs({ directory })
      versions.add((await backend.blobs.put('a', new Uint8Array(4))).version)
      await backend.blobs.delete(['a'])
      versions.add((await backend.blobs.put('a', new Uint8Array(4))).version)
      await backend.close()
    }
    expect(versions.size).toBe(40)
  })
})

describe('links', () => {
  test('are not followed: not by get, list, put, delete, nor by files', async () => {
    const directory = newDirectory()
    const outside = newDirectory()
    mkdirSync(outside)
    writeFileSync(join(outside, 'secret='), 'secret')
    const backend = nodeFs({ directory })
    await backend.blobs.put('own', new Uint8Array(1))
    const log = await backend.files?.open('own', { mode: 'append' })
    await log?.append(new Uint8Array(1))
    for (const folder of ['blobs', 'files']) {
      symlinkSync(outside, join(directory, folder, 'out+'))
      symlinkSync(join(outside, 'nowhere'), join(directory, folder, 'nowhere+'))
      symlinkSync(join(outside, 'secret='), join(directory, folder, 'leaf='))
    }
    expect(await keysOf(backend)).toEqual(['own'])
    await expect(backend.blobs.get('out/secret')).rejects.toMatchObject({ code: 'denied' })
    await expect(backend.blobs.get('leaf')).rejects.toMatchObject({ code: 'denied' })
    await expect(backend.blobs.put('out/new', new Uint8Array(1))).rejects.toMatchObject({ code: 'denied' })
    await expect(backend.blobs.put('out/deep/er', new Uint8Array(1))).rejects.toMatchObject({ code: 'denied' })
    await expect(backend.files?.open('out/deep/er', { mode: 'append' })).rejects.toMatchObject({ code: 'denied' })
    await expect(backend.blobs.put('nowhere/a', new Uint8Array(1))).rejects.toMatchObject({ code: 'denied' })
    await expect(backend.blobs.delete(['out/secret'])).rejects.toMatchObject({ code: 'denied' })
    await expect(backend.files?.open('leaf', { mode: 'append' })).rejects.toMatchObject({ code: 'denied' })
    await expect(backend.files?.open('out/secret', { mode: 'read' })).rejects.toMatchObject({ code: 'denied' })
    await expect(backend.files?.open('out/new', { mode: 'append' })).rejects.toMatchObject({ code: 'denied' })
    await backend.blobs.put('leaf', new Uint8Array(2))
    expect(lstatSync(join(directory, 'blobs', 'leaf=')).isSymbolicLink()).toBe(false)
    expect(readdirSync(outside)).toEqual(['secret='])
    expect(readFileSync(join(outside, 'secret='), 'utf8')).toBe('secret')
    await backend.close()
  })
})

describe('leftovers', () => {
  test('of puts that never ended are not listed and are gone with the next owner', async () => {
    const directory = newDirectory()
    mkdirSync(join(directory, 'tmp'), { recursive: true })
    writeFileSync(join(directory, 'tmp', '99-1'), 'half a blob')
    const backend = nodeFs({ directory })
    expect(await keysOf(backend)).toEqual([])
    await backend.blobs.put('a', new Uint8Array(1))
    expect(readdirSync(join(directory, 'tmp'))).toEqual([])
    await backend.close()
  })

  test('of other programs in the folders are left alone and not listed', async () => {
    const directory = newDirectory()
    const backend = nodeFs({ directory })
    await backend.blobs.put('a', new Uint8Array(1))
    writeFileSync(join(directory, 'blobs', '.DS_Store'), 'x')
    mkdirSync(join(directory, 'blobs', 'lost+found'))
    writeFileSync(join(directory, 'blobs', 'lost+found', 'README'), 'x')
    expect(await keysOf(backend)).toEqual(['a'])
    await backend.close()
  })
})

describe('files', () => {
  test('a reader beside the writer sees what was appended since', async () => {
    const directory = newDirectory()
    const backend = nodeFs({ directory })
    const writer = await backend.files?.open('log', { mode: 'append' })
    await writer?.append(Uint8Array.of(1, 2))
    const reader = await nodeFs({ directory }).files?.open('log', { mode: 'read' })
    expect(reader?.size).toBe(2)
    await writer?.append(Uint8Array.of(3))
    expect(reader?.size).toBe(3)
    expect(await reader?.read({ start: 1, end: 9 })).toEqual(Uint8Array.of(2, 3))
    await reader?.close()
    await backend.close()
  })

  test('closing while a sync runs waits for it', async () => {
    const backend = nodeFs({ directory: newDirectory() })
    const file = await backend.files?.open('log', { mode: 'append' })
    await file?.append(new Uint8Array(1000))
    const syncing = file?.sync('strict')
    await file?.close()
    await syncing
    await backend.close()
  })

  test('closing the backend waits for puts that run', async () => {
    const backend = nodeFs({ directory: newDirectory() })
    const putting = Array.from({ length: 10 }, (_, i) => backend.blobs.put(`k/${i}`, new Uint8Array(100)))
    await backend.close()
    await Promise.all(putting)
  })
})
