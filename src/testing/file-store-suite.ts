// What every FileStore must do. A backend without one passes an empty list of cases by not using this suite.

import { concatBytes } from '../core/base/bytes.js'
import type { Backend } from '../core/ports/backend.js'
import type { FileStore } from '../core/ports/file-store.js'
import { expectBytes, expectEqual, expectRejects, expectTrue, fail } from './assert.js'
import { type BackendSuiteOptions, backendCase, type MakeBackend, type SuiteCase } from './suite.js'

/** Cases for `backend.files`. `make` gives an empty place each time. */
export function fileStoreSuite(make: MakeBackend, options: BackendSuiteOptions = {}): readonly SuiteCase[] {
  const suite = CASES.map((one) => backendCase(`files: ${one.name}`, make, (backend) => one.body(filesOf(backend), backend)))
  return options.reopen === undefined ? suite : [...suite, ...reopenCases(make, options.reopen)]
}

interface Case {
  readonly name: string
  readonly body: (files: FileStore, backend: Backend) => Promise<void>
}

const CASES: readonly Case[] = [
  {
    name: 'appends say where they begin, add up, and are readable at once',
    async body(files) {
      const file = await files.open('log/0', { mode: 'append' })
      expectEqual(file.size, 0)
      expectEqual(await file.append(bytesOf(10)), 0)
      expectEqual(await file.append(bytesOf(5)), 10)
      expectEqual(await file.append(new Uint8Array(0)), 15)
      expectEqual(file.size, 15)
      expectBytes(await file.read({ start: 0, end: 15 }), concatBytes([bytesOf(10), bytesOf(5)]))
      await file.close()
    },
  },
  {
    name: 'appends begun together keep the order of the calls',
    async body(files) {
      const file = await files.open('log/0', { mode: 'append' })
      const starts = await Promise.all(Array.from({ length: 20 }, (_, i) => file.append(bytesOf(i + 1))))
      expectEqual(
        starts,
        Array.from({ length: 20 }, (_, i) => (i * (i + 1)) / 2),
      )
      expectBytes(await file.read({ start: 0, end: 210 }), concatBytes(Array.from({ length: 20 }, (_, i) => bytesOf(i + 1))))
      await file.close()
    },
  },
  {
    name: 'ranges: inside, to the end, past the end, empty',
    async body(files) {
      const file = await files.open('r', { mode: 'append' })
      await file.append(bytesOf(100))
      for (const [start, end] of [
        [0, 10],
        [10, 20],
        [90, 1000],
        [100, 200],
        [500, 600],
        [7, 7],
      ] as const) {
        expectBytes(await file.read({ start, end }), bytesOf(100).slice(start, end), `range ${start}-${end}`)
        let asked = 0
        const memory = (bytes: number): Uint8Array => {
          asked++
          return bytesOf(bytes + 50)
        }
        expectBytes(await file.read({ start, end }, memory), bytesOf(100).slice(start, end), `range ${start}-${end} in other memory`)
        expectTrue(asked <= 1, 'memory is asked for once')
      }
      await file.close()
    },
  },
  {
    name: 'a file opened again to append keeps what is in it',
    async body(files) {
      const first = await files.open('a', { mode: 'append' })
      await first.append(bytesOf(10))
      await first.close()
      const second = await files.open('a', { mode: 'append' })
      expectEqual(second.size, 10)
      expectEqual(await second.append(bytesOf(3)), 10)
      expectBytes(await second.read({ start: 0, end: 13 }), concatBytes([bytesOf(10), bytesOf(3)]))
      await second.close()
    },
  },
  {
    name: 'reading a missing file is missing, and makes none',
    async body(files) {
      await expectRejects(files.open('never/there', { mode: 'read' }), 'missing')
      expectEqual(await listOf(files, ''), [])
    },
  },
  {
    name: 'a file opened to read cannot be appended to',
    async body(files) {
      const file = await files.open('a', { mode: 'append' })
      await file.append(bytesOf(4))
      await file.close()
      const reader = await files.open('a', { mode: 'read' })
      expectEqual(reader.size, 4)
      await expectRejects(() => reader.append(bytesOf(1)))
      expectBytes(await reader.read({ start: 0, end: 9 }), bytesOf(4))
      await reader.close()
    },
  },
  {
    name: 'syncs of both kinds resolve, also twice, at once, and with nothing new',
    async body(files) {
      const file = await files.open('deep/in/folders', { mode: 'append' })
      await file.sync('strict')
      await file.append(bytesOf(10))
      await Promise.all([file.sync('strict'), file.sync('strict'), file.sync('relaxed')])
      await file.sync('strict')
      expectEqual(file.size, 10)
      await file.close()
    },
  },
  {
    name: 'bytes handed in may be changed once the append settled, bytes handed out at any time',
    async body(files) {
      const file = await files.open('a', { mode: 'append' })
      const buffer = bytesOf(64)
      await file.append(buffer.subarray(8, 24))
      buffer.fill(255)
      const out = await file.read({ start: 0, end: 16 })
      out.fill(255)
      expectBytes(await file.read({ start: 0, end: 16 }), bytesOf(64).slice(8, 24))
      await file.close()
    },
  },
  {
    name: '4 MiB in pieces come back whole',
    async body(files) {
      const file = await files.open('big', { mode: 'append' })
      for (let i = 0; i < 16; i++) await file.append(bytesOf(256 * 1024, i))
      await file.sync('strict')
      expectEqual(file.size, 4 * 1024 * 1024)
      expectBytes(await file.read({ start: 5 * 256 * 1024, end: 6 * 256 * 1024 }), bytesOf(256 * 1024, 5))
      expectBytes(
        await file.read({ start: 0, end: 4 * 1024 * 1024 }),
        concatBytes(Array.from({ length: 16 }, (_, i) => bytesOf(256 * 1024, i))),
      )
      await file.close()
    },
  },
  {
    name: 'a listing is ascending by path, by prefix, with sizes',
    async body(files) {
      const paths = ['b', 'a/1', 'a/0', 'a-', 'a', `long/${'k'.repeat(300)}`, 'a/0/x']
      for (const [i, path] of paths.entries()) await write(files, path, bytesOf(i))
      const expected = paths.map((path, size) => ({ path, size })).sort((x, y) => (x.path < y.path ? -1 : 1))
      expectEqual(await listOf(files, ''), expected)
      expectEqual(
        await listOf(files, 'a/'),
        expected.filter(({ path }) => path.startsWith('a/')),
      )
      expectEqual(await listOf(files, 'zz'), [])
    },
  },
  {
    name: 'deleting is idempotent, and the path begins empty again',
    async body(files) {
      await write(files, 'a/b', bytesOf(10))
      await files.delete('a/b')
      await files.delete('a/b')
      await files.delete('never')
      expectEqual(await listOf(files, ''), [])
      const again = await files.open('a/b', { mode: 'append' })
      expectEqual(again.size, 0)
      await again.close()
    },
  },
  {
    name: 'files and blobs of one name are two things',
    async body(files, backend) {
      await write(files, 'same', bytesOf(3))
      await backend.blobs.put('same', bytesOf(5))
      expectEqual(await listOf(files, ''), [{ path: 'same', size: 3 }])
      expectEqual((await backend.blobs.get('same'))?.bytes, 5)
    },
  },
  {
    name: 'the boot id is the same at every call',
    async body(files) {
      expectEqual(await files.bootId(), await files.bootId())
    },
  },
  {
    name: 'a closed file is closed, closing twice is harmless',
    async body(files) {
      const file = await files.open('a', { mode: 'append' })
      await file.append(bytesOf(4))
      await file.close()
      await file.close()
      await expectRejects(() => file.append(bytesOf(1)), 'closed')
      await expectRejects(() => file.sync('strict'), 'closed')
      await expectRejects(() => file.read({ start: 0, end: 1 }), 'closed')
    },
  },
  {
    name: 'after close of the backend every call is closed, also on files that were open',
    async body(files, backend) {
      const file = await files.open('a', { mode: 'append' })
      await file.append(bytesOf(4))
      await backend.close()
      await expectRejects(() => file.append(bytesOf(1)), 'closed')
      await expectRejects(() => file.read({ start: 0, end: 1 }), 'closed')
      await expectRejects(() => files.open('b', { mode: 'append' }), 'closed')
      await expectRejects(() => files.delete('b'), 'closed')
      await expectRejects(() => listOf(files, ''), 'closed')
      await file.close()
    },
  },
  {
    name: 'a signal that is aborted already rejects with its reason',
    async body(files) {
      const reason = new Error('stop')
      const error: unknown = await expectRejects(() => files.open('a', { mode: 'append', signal: AbortSignal.abort(reason) }))
      if (error !== reason) fail(`open rejected with ${String(error)} instead of the signal's reason`)
      expectEqual(await listOf(files, ''), [])
    },
  },
]

function reopenCases(make: MakeBackend, reopen: (backend: Backend) => Promise<Backend>): readonly SuiteCase[] {
  return [
    backendCase('files: what was appended and synced is there after closing and opening again', make, async (backend) => {
      await write(filesOf(backend), 'a/b', bytesOf(1000))
      await backend.close()
      const again = await reopen(backend)
      try {
        const file = await filesOf(again).open('a/b', { mode: 'read' })
        expectBytes(await file.read({ start: 0, end: 2000 }), bytesOf(1000))
        await file.close()
      } finally {
        await again.close()
      }
    }),
  ]
}

function filesOf(backend: Backend): FileStore {
  expectTrue(backend.files !== undefined, 'the backend has files')
  return backend.files as FileStore
}

async function write(files: FileStore, path: string, bytes: Uint8Array): Promise<void> {
  const file = await files.open(path, { mode: 'append' })
  await file.append(bytes)
  await file.sync('strict')
  await file.close()
}

async function listOf(files: FileStore, prefix: string): Promise<{ path: string; size: number }[]> {
  const all: { path: string; size: number }[] = []
  for await (const { path, size } of files.list(prefix)) all.push({ path, size })
  return all
}

function bytesOf(length: number, salt = 0): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + length + salt * 17 + (i >> 8)) & 255
  return bytes
}
