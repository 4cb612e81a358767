// What OPFS finds after a worker was killed in mid-write: files made by hand the way a kill leaves them.

import { destroyOpfs, opfs } from 'varve/adapters/opfs'
import { expectBytes, expectEqual, expectRejects, expectTrue, type SuiteCase } from 'varve/testing'
import type { TestedBackend } from './backends.js'

const OLD = Uint8Array.of(1, 2, 3)
const NEW = Uint8Array.of(4, 5, 6, 7)

export function opfsFaultSuite(): readonly SuiteCase[] {
  return [
    faultCase('a torn newer file beside the older one is ignored, and the next put replaces both', tornNewer),
    faultCase('a whole newer file beside the older one counts', wholeNewer),
    faultCase('a torn first put is an absent key', tornFirst),
    faultCase('a flipped bit in a stored blob is corrupt', flippedBit),
    faultCase('a cut blob is corrupt', cutBlob),
    faultCase('components of 765 characters are kept apart and listed in order', longComponents),
    faultCase('a key and the folder of the same name lie side by side', keyAndFolder),
    faultCase('an open file is read through the handle that appends', readWhileOpen),
    faultCase('deleting an open file closes it, and its name can be used again', deleteWhileOpen),
    faultCase('two backend objects of one worker share the store', sharedInOneWorker),
  ]
}

function faultCase(name: string, run: (backend: TestedBackend, store: string) => Promise<void>): SuiteCase {
  return {
    name,
    async run() {
      const store = `fault-${crypto.randomUUID()}`
      const backend = opfs({ name: store })
      try {
        await run(backend, store)
      } finally {
        await backend.close()
        await destroyOpfs(store)
      }
    },
  }
}

async function tornNewer(backend: TestedBackend, store: string): Promise<void> {
  await backend.blobs.put('k', OLD)
  const whole = await contentOf(store, 'k@a')
  await backend.blobs.put('k', NEW)
  const newer = await contentOf(store, 'k@b')
  await writeFile(store, 'k@a', whole)
  await writeFile(store, 'k@b', newer.subarray(0, newer.length - 1))
  expectBytes((await backend.blobs.get('k'))?.data, OLD)
  await backend.blobs.put('k', NEW, { when: { version: (await backend.blobs.get('k'))?.version as string } })
  expectBytes((await backend.blobs.get('k'))?.data, NEW)
  expectEqual(await namesIn(store), ['k@b'])
}

async function wholeNewer(backend: TestedBackend, store: string): Promise<void> {
  await backend.blobs.put('k', OLD)
  const whole = await contentOf(store, 'k@a')
  await backend.blobs.put('k', NEW)
  await writeFile(store, 'k@a', whole)
  expectBytes((await backend.blobs.get('k'))?.data, NEW)
}

async function tornFirst(backend: TestedBackend, store: string): Promise<void> {
  await backend.blobs.put('k', OLD)
  const whole = await contentOf(store, 'k@a')
  for (let bytes = 0; bytes < whole.length; bytes++) {
    await writeFile(store, 'k@new', new Uint8Array(0))
    await writeFile(store, 'k@a', whole.subarray(0, bytes))
    expectEqual(await backend.blobs.get('k'), undefined, `cut at ${bytes}`)
  }
  await backend.blobs.put('k', NEW, { when: 'absent' })
  expectBytes((await backend.blobs.get('k'))?.data, NEW)
  expectEqual(await namesIn(store), ['k@a'])
}

async function flippedBit(backend: TestedBackend, store: string): Promise<void> {
  await backend.blobs.put('k', OLD)
  const whole = await contentOf(store, 'k@a')
  for (let at = 0; at < whole.length; at++) {
    const flipped = whole.slice()
    flipped[at] = (flipped[at] as number) ^ 1
    await writeFile(store, 'k@a', flipped)
    await expectRejects(() => backend.blobs.get('k'), 'corrupt', `byte ${at}`)
  }
}

async function cutBlob(backend: TestedBackend, store: string): Promise<void> {
  await backend.blobs.put('k', OLD)
  const whole = await contentOf(store, 'k@a')
  for (let bytes = 0; bytes < whole.length; bytes++) {
    await writeFile(store, 'k@a', whole.subarray(0, bytes))
    await expectRejects(() => backend.blobs.get('k'), 'corrupt', `cut at ${bytes}`)
  }
}

async function longComponents(backend: TestedBackend): Promise<void> {
  const lengths = [199, 200, 201, 400, 401, 765]
  const keys = lengths.flatMap((length) => [`q/${'a'.repeat(length)}`, `q/${'a'.repeat(length)}-`, `q/${'a'.repeat(length)}/z`])
  for (const key of keys) await backend.blobs.put(key, new TextEncoder().encode(key))
  for (const key of keys) expectBytes((await backend.blobs.get(key))?.data, new TextEncoder().encode(key), key)
  const listed: string[] = []
  for await (const info of backend.blobs.list({ prefix: 'q/a' })) listed.push(info.key)
  expectEqual(listed, [...keys].sort())
}

async function keyAndFolder(backend: TestedBackend): Promise<void> {
  for (const path of ['x', 'x/y', 'x/y/z']) {
    await backend.blobs.put(path, OLD)
    const file = await backend.files?.open(path, { mode: 'append' })
    await file?.append(NEW)
    await file?.close()
  }
  const paths: string[] = []
  for await (const { path } of backend.files?.list('') ?? []) paths.push(path)
  expectEqual(paths, ['x', 'x/y', 'x/y/z'])
}

async function readWhileOpen(backend: TestedBackend): Promise<void> {
  const appender = await backend.files?.open('f', { mode: 'append' })
  await appender?.append(OLD)
  const reader = await backend.files?.open('f', { mode: 'read' })
  expectBytes(await reader?.read({ start: 0, end: 100 }), OLD)
  await appender?.append(NEW)
  expectEqual(reader?.size, 7)
  expectBytes(await reader?.read({ start: 3, end: 7 }), NEW)
  await appender?.close()
  expectBytes(await reader?.read({ start: 0, end: 3 }), OLD)
  await reader?.close()
}

async function deleteWhileOpen(backend: TestedBackend): Promise<void> {
  const first = await backend.files?.open('f', { mode: 'append' })
  await first?.append(OLD)
  await backend.files?.delete('f')
  await expectRejects(() => first?.append(OLD), 'closed')
  const second = await backend.files?.open('f', { mode: 'append' })
  expectEqual(second?.size, 0)
  await first?.close()
  await second?.append(NEW)
  await second?.close()
}

async function sharedInOneWorker(backend: TestedBackend, store: string): Promise<void> {
  await backend.blobs.put('k', OLD)
  const second = opfs({ name: store })
  await second.blobs.put('k', NEW)
  await second.close()
  expectBytes((await backend.blobs.get('k'))?.data, NEW)
  await backend.blobs.put('k', OLD)
  expectTrue((await backend.health()).lastDurableWrite !== undefined, 'a time of the last write')
}

async function blobFolder(store: string): Promise<FileSystemDirectoryHandle> {
  let folder = await navigator.storage.getDirectory()
  const escaped = store.replaceAll('-', '-2d')
  for (const name of ['varve', `s${escaped}`, 'blobs']) folder = await folder.getDirectoryHandle(name)
  return folder
}

async function contentOf(store: string, name: string): Promise<Uint8Array> {
  const entry = await (await blobFolder(store)).getFileHandle(name)
  return new Uint8Array(await (await entry.getFile()).arrayBuffer())
}

async function writeFile(store: string, name: string, bytes: Uint8Array): Promise<void> {
  const entry = await (await blobFolder(store)).getFileHandle(name, { create: true })
  const stream = await entry.createWritable()
  await stream.write(bytes.slice())
  await stream.close()
}

async function namesIn(store: string): Promise<readonly string[]> {
  const names: string[] = []
  for await (const name of (await blobFolder(store)).keys()) names.push(name)
  return names.sort()
}
