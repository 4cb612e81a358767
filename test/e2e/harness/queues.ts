// A queue in a browser, as tests drive it from outside: append in bursts or for ever, and read it all back.

import { openQueue } from 'varve'
import { browserBackends, type TestedBackend } from './backends.js'
import { isStorageError } from './storage-error.js'
import type { Found, WriterRequest } from './writers.js'

const QUEUE = 'events'
const PAGE = 1000

interface Event {
  readonly writer: string
  readonly n: number
}

/** Appends `count` records one by one, `callers` at a time; gives the offsets that were acknowledged. */
export async function appendRecords(request: {
  backend: string
  store: string
  writer: string
  count: number
  callers: number
}): Promise<readonly number[]> {
  const backend = openFor(request)
  const queue = await openQueue<Event>(backend, QUEUE)
  const offsets: number[] = []
  let n = 0
  const caller = async (): Promise<void> => {
    while (n < request.count) offsets.push((await queue.append({ writer: request.writer, n: n++ })).offset)
  }
  await Promise.all(Array.from({ length: request.callers }, caller))
  await backend.close()
  return offsets
}

/** Works off a group that other tabs share until all `count` records are acknowledged; what this tab got, by `n`. */
export async function workOff(request: {
  backend: string
  store: string
  ordering: 'none' | 'key'
  count: number
}): Promise<readonly number[]> {
  const backend = openFor(request)
  const queue = await openQueue<Event>(backend, QUEUE)
  const group = await queue.group('shared', { ordering: request.ordering })
  const worked: number[] = []
  const left = async (): Promise<number> => request.count - ((await group.committed())[0] as number)
  while ((await left()) > 0) {
    for (const delivery of await group.receive({ limit: 5, waitMs: 100 })) {
      worked.push(delivery.value.n)
      await new Promise((resolve) => setTimeout(resolve, 5)) // work, so that the others have their share
      await delivery.ack()
    }
  }
  await backend.close()
  return worked
}

/** Never ends. Prints `acked <n>` when the record n is stored. */
export async function appendForEver(request: WriterRequest): Promise<void> {
  const queue = await openQueue<Event>(openFor(request), QUEUE)
  for (let n = request.from; ; n++) {
    const { offset } = await queue.append({ writer: 'kill', n })
    if (offset !== n) throw new Error(`record ${n} got the offset ${offset}`)
    console.log(`acked ${n}`)
  }
}

/**
 * Appends records of `bytes` until one is refused, at most `limit`; the number acknowledged and the code of the refusal. In a
 * full store closing is refused as well, because it makes durable what was not.
 */
export async function appendUntilRefused(request: {
  backend: string
  store: string
  from: number
  bytes: number
  limit: number
}): Promise<{ readonly next: number; readonly code: string | undefined }> {
  const backend = openFor(request)
  let next = request.from
  try {
    const queue = await openQueue<Event>(backend, QUEUE)
    while (next < request.from + request.limit) {
      const { offset } = await queue.append({ writer: noise(request.bytes), n: next })
      if (offset !== next) throw new Error(`record ${next} got the offset ${offset}`)
      next++
    }
    await backend.close()
    return { next, code: undefined }
  } catch (error) {
    await backend.close().catch(() => undefined)
    if (isStorageError(error)) return { next, code: error.code }
    throw error
  }
}

/** Text that the browser's own compression makes hardly smaller. */
function noise(length: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(length))
  return Array.from(bytes, (byte) => String.fromCharCode(48 + (byte & 63))).join('')
}

/** Every record in the order of offsets, which must be dense. */
export async function readQueue(request: { backend: string; store: string }): Promise<readonly Event[]> {
  const backend = openFor(request)
  try {
    const queue = await openQueue<Event>(backend, QUEUE)
    const events: Event[] = []
    for (;;) {
      const page = await queue.read({ from: events.length, limit: PAGE })
      if (page.length === 0) return events
      for (const { offset, value } of page) {
        if (offset !== events.length) throw new Error(`offset ${events.length} is missing, ${offset} is there`)
        events.push(value)
      }
    }
  } finally {
    await backend.close()
  }
}

/** After a kill: `next` is one past the last record; a gap or a wrong record throws. */
export async function readQueueBack(request: WriterRequest): Promise<Found> {
  try {
    const events = await readQueue(request)
    const wrong = events.findIndex(({ n }, i) => n !== i)
    if (wrong >= 0) throw new Error(`record ${wrong} is not what was written`)
    return { state: 'there', next: events.length }
  } catch (error) {
    if (isStorageError(error) && error.code === 'corrupt' && error.message.includes('wiped'))
      return { state: 'wiped', report: error.message }
    throw error
  }
}

function openFor({ backend, store }: { readonly backend: string; readonly store: string }): TestedBackend {
  const found = browserBackends.find((one) => one.name === backend)
  if (found === undefined) throw new Error(`no backend ${backend}`)
  return found.open(store)
}
