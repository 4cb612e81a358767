import { faultBackend, faulty, ManualClock } from 'varve/testing'
import { expect, test } from 'vitest'
import { utf8 } from '../../../dist/core/base/bytes.js'
import { binaryFormat } from '../../../dist/core/engine/binary-format.js'
import { FileLog } from '../../../dist/core/engine/file-log.js'
import { Journal } from '../../../dist/core/engine/journal.js'
import type { Backend } from '../../../dist/core/ports/backend.js'
import type { FileStore } from '../../../dist/core/ports/file-store.js'

const clock = new ManualClock()

/** One owner's journal of the same log; nothing but the log itself keeps two of them apart. */
function owner({ blobs, files }: Backend): Journal {
  const path = 'q/0'
  const log = new FileLog({
    files: files as FileStore,
    blobs,
    clock,
    path,
    format: binaryFormat,
    segmentBytes: 1024 * 1024,
    writable: true,
    beforeWrite: async () => {},
  })
  return new Journal({
    log,
    clock,
    history: { blobs, key: `${path}/history` },
    sync: 'always',
    topic: 'q',
    checkFence: () => {},
    committedOf: async () => 0,
    background: false,
  })
}

const recordOf = (text: string) => ({ records: [{ value: utf8(text), codec: 1 }] })

/** A promise that tells when somebody waits for it. */
function gate(): { readonly until: PromiseLike<void>; readonly reached: Promise<void>; open: () => void } {
  let open = (): void => {}
  let tell = (): void => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  const reached = new Promise<void>((resolve) => (tell = resolve))
  const until: PromiseLike<void> = {
    // biome-ignore lint/suspicious/noThenProperty: it has to know who waits
    then(resolve, reject) {
      tell()
      return opened.then(resolve, reject)
    },
  }
  return { until, reached, open }
}

test('an owner that goes on while its successor scans can change the log no more, and what it had stored is kept', async () => {
  const disk = faultBackend()
  const first = owner(disk)
  await first.append(recordOf('stored'))
  const { until, reached, open } = gate()
  const second = owner(faulty(disk, [{ on: 'file.read', n: 1, effect: 'delay', until }]))
  const bounds = second.bounds()
  await reached
  await expect(first.close()).rejects.toMatchObject({ code: 'fenced' })
  open()
  expect(await bounds).toMatchObject({ first: 0, next: 1 })
  expect(await second.append(recordOf('its own'))).toMatchObject({ first: 1 })
  const records = await second.read({ from: 0, limit: 10 })
  expect(records.map(({ value }) => `${Buffer.from(value as Uint8Array)}`)).toEqual(['stored', 'its own'])
  await second.close()
})

test('what an owner did before its successor began to scan is not undone', async () => {
  const disk = faultBackend()
  const first = owner(disk)
  await first.append(recordOf('stored'))
  const { until, reached, open } = gate()
  const second = owner(faulty(disk, [{ on: 'blobs.put', key: 'manifest', n: 1, effect: 'delay', until }]))
  const bounds = second.bounds()
  await reached // it has read the manifest
  await first.append(recordOf('stored too'))
  await first.close()
  open()
  expect(await bounds).toMatchObject({ first: 0, next: 2 })
  expect(await second.append(recordOf('its own'))).toMatchObject({ first: 2 })
  await second.close()
})
