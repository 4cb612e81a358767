// Writers for kill tests: they write for ever, and say what was acknowledged; and the checks of what is there afterwards.

import { browserBackends, type TestedBackend } from './backends.js'
import { isStorageError } from './storage-error.js'

export interface WriterRequest {
  readonly backend: string
  readonly store: string
  /** The first number to write. */
  readonly from: number
}

export type Found = { readonly state: 'there'; readonly next: number } | { readonly state: 'wiped'; readonly report: string }

const KEY_DIGITS = 8
const RECORD_BYTES = 1024

/** Never ends. Prints `acked <n>` when the record n is stored. */
export async function writeForEver(request: WriterRequest): Promise<void> {
  const backend = openFor(request)
  const write = backend.files === undefined ? await chunkWriter(backend) : await fileWriter(backend)
  for (let n = request.from; ; n++) {
    await write(n)
    console.log(`acked ${n}`)
    await turn()
  }
}

/** Lets the worker hear that its page is gone: a busy one is ended by force, two seconds later. */
function turn(): Promise<void> {
  const { port1, port2 } = new MessageChannel()
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(undefined)
  })
}

/** Reads everything back: `next` is one past the last record; a gap or a wrong byte throws. */
export async function readBack(request: WriterRequest): Promise<Found> {
  const backend = openFor(request)
  try {
    const next = backend.files === undefined ? await countChunks(backend) : await countInFile(backend)
    return { state: 'there', next }
  } catch (error) {
    if (isStorageError(error) && error.code === 'corrupt' && error.message.includes('wiped'))
      return { state: 'wiped', report: error.message }
    throw error
  } finally {
    await backend.close()
  }
}

export async function destroyStore(request: WriterRequest): Promise<void> {
  await browserBackends.find((one) => one.name === request.backend)?.destroy(request.store)
}

function openFor(request: WriterRequest): TestedBackend {
  const backend = browserBackends.find((one) => one.name === request.backend)
  if (backend === undefined) throw new Error(`no backend ${request.backend}`)
  return backend.open(request.store)
}

/** A chunk and a cell that is replaced, as a log of chunks writes. */
async function chunkWriter(backend: TestedBackend): Promise<(n: number) => Promise<void>> {
  return async (n) => {
    await backend.blobs.put(`log/${String(n).padStart(KEY_DIGITS, '0')}`, record(n), { when: 'absent' })
    if (n % 10 === 0) await backend.blobs.put('cell', record(n))
  }
}

async function countChunks(backend: TestedBackend): Promise<number> {
  let next = 0
  for await (const { key } of backend.blobs.list({ prefix: 'log/' })) {
    if (Number(key.slice(4)) !== next) throw new Error(`record ${next} is missing, ${key} is there`)
    check((await backend.blobs.get(key))?.data, next)
    next++
  }
  await checkCell(backend, next)
  return next
}

/** Records of one size at the end of a file, and a cell that is replaced. What a kill left half written is cut by a new file. */
async function fileWriter(backend: TestedBackend): Promise<(n: number) => Promise<void>> {
  const session = String(await countFiles(backend)).padStart(KEY_DIGITS, '0')
  const file = await backend.files?.open(`log/${session}`, { mode: 'append' })
  return async (n) => {
    await file?.append(record(n))
    await file?.sync('strict')
    if (n % 10 === 0) await backend.blobs.put('cell', record(n))
  }
}

async function countInFile(backend: TestedBackend): Promise<number> {
  let next = 0
  for await (const { path, size } of backend.files?.list('log/') ?? []) {
    const file = await backend.files?.open(path, { mode: 'read' })
    const whole = Math.floor(size / RECORD_BYTES)
    for (let i = 0; i < whole; i++) {
      const data = await file?.read({ start: i * RECORD_BYTES, end: (i + 1) * RECORD_BYTES })
      check(data, next++)
    }
    await file?.close()
  }
  await checkCell(backend, next)
  return next
}

async function countFiles(backend: TestedBackend): Promise<number> {
  let count = 0
  for await (const _file of backend.files?.list('log/') ?? []) count++
  return count
}

/** The cell is one of those that were written after a record that is there; it is never torn. */
async function checkCell(backend: TestedBackend, next: number): Promise<void> {
  const cell = (await backend.blobs.get('cell'))?.data
  const last = Math.floor((next - 1) / 10) * 10
  if (cell === undefined && last < 10) return
  const n = cell === undefined ? -1 : new DataView(cell.buffer, cell.byteOffset).getUint32(0)
  if (n !== last && n !== last - 10) throw new Error(`the cell holds ${n}, expected ${last} or the one before`)
  check(cell, n)
}

function record(n: number): Uint8Array {
  const bytes = new Uint8Array(RECORD_BYTES)
  const view = new DataView(bytes.buffer)
  for (let at = 0; at < RECORD_BYTES; at += 4) view.setUint32(at, n + at)
  return bytes
}

function check(data: Uint8Array | undefined, n: number): void {
  const expected = record(n)
  if (data?.length !== RECORD_BYTES || expected.some((byte, i) => data[i] !== byte)) throw new Error(`record ${n} is not what was written`)
}
