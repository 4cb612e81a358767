// A backend that a test uses from outside: opened in a page or worker, told by messages what to do.

import { isStorageError } from './storage-error.js'
import { browserBackends, type TestedBackend } from './backends.js'

type Locks = NonNullable<TestedBackend['locks']>
type Held = NonNullable<Awaited<ReturnType<Locks['acquire']>>>

interface Opened {
  readonly backend: TestedBackend
  readonly locks: Map<string, Promise<Held | undefined>>
  readonly heard: Map<string, number>
}

const stores = new Map<string, Opened>()
const encoder = new TextEncoder()
const decoder = new TextDecoder()

export interface OpenRequest {
  readonly backend: string
  readonly store: string
}

/** The later ones name the store. */
export function open(request: OpenRequest): void {
  const backend = browserBackends.find((one) => one.name === request.backend)?.open(request.store)
  if (backend === undefined) throw new Error(`no backend ${request.backend}`)
  stores.set(request.store, { backend, locks: new Map(), heard: new Map() })
}

/** `stored`, or the code of the error. */
export async function put(request: { store: string; key: string; text?: string; bytes?: number; when?: 'absent' }): Promise<string> {
  const data = request.text === undefined ? randomBytes(request.bytes ?? 0) : encoder.encode(request.text)
  return outcome(async () => {
    await opened(request.store).backend.blobs.put(request.key, data, { when: request.when })
    return 'stored'
  })
}

/** The text, `absent`, or the code of the error. */
export async function get(request: { store: string; key: string }): Promise<string> {
  return outcome(async () => {
    const found = await opened(request.store).backend.blobs.get(request.key)
    return found === undefined ? 'absent' : decoder.decode(found.data)
  })
}

export async function keys(request: { store: string }): Promise<readonly string[]> {
  const found: string[] = []
  for await (const info of opened(request.store).backend.blobs.list()) found.push(info.key)
  return found
}

export async function health(request: { store: string }): Promise<unknown> {
  return opened(request.store).backend.health()
}

export async function close(request: { store: string }): Promise<void> {
  await opened(request.store).backend.close()
}

/** `held` when it came at once, `waiting`, or `refused`. */
export async function lock(request: { store: string; name: string; wait?: boolean }): Promise<string> {
  const { backend, locks } = opened(request.store)
  const asked = (backend.locks as Locks).acquire(request.name, { wait: request.wait })
  locks.set(request.name, asked)
  if (request.wait !== true) return (await asked) === undefined ? 'refused' : 'held'
  const first = await Promise.race([asked, new Promise<'waiting'>((resolve) => setTimeout(() => resolve('waiting'), 300))])
  return first === 'waiting' ? first : 'held'
}

export async function lockState(request: {
  store: string
  name: string
}): Promise<{ token?: number; held?: boolean; contended?: boolean }> {
  const held = await opened(request.store).locks.get(request.name)
  return { token: held?.token, held: await held?.held(), contended: held?.contended.aborted }
}

export async function unlock(request: { store: string; name: string }): Promise<void> {
  await (await opened(request.store).locks.get(request.name))?.release()
}

export async function lockOwner(request: { store: string; name: string }): Promise<string | undefined> {
  return opened(request.store).backend.locks?.owner(request.name)
}

export function listen(request: { store: string; topic: string }): void {
  const { backend, heard } = opened(request.store)
  heard.set(request.topic, 0)
  backend.signals?.listen(request.topic, () => heard.set(request.topic, (heard.get(request.topic) ?? 0) + 1))
}

export function heard(request: { store: string; topic: string }): number {
  return opened(request.store).heard.get(request.topic) ?? 0
}

export function send(request: { store: string; topic: string }): void {
  opened(request.store).backend.signals?.send(request.topic)
}

/** Browsers compress what they store: a quota is filled only by what cannot be. */
function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536))
  return bytes
}

function opened(store: string): Opened {
  const found = stores.get(store)
  if (found === undefined) throw new Error(`the store ${store} is not open here`)
  return found
}

async function outcome(run: () => Promise<string>): Promise<string> {
  try {
    return await run()
  } catch (error) {
    if (isStorageError(error)) return error.code
    throw error
  }
}

type AppendFile = Awaited<ReturnType<NonNullable<TestedBackend['files']>['open']>>
let appendFile: Promise<AppendFile> | undefined

/** Appends to one file, which stays open; `stored` or the code of the error. */
export async function append(request: { store: string; path: string; bytes: number }): Promise<string> {
  appendFile ??= opened(request.store).backend.files?.open(request.path, { mode: 'append' })
  return outcome(async () => {
    const file = await appendFile
    await file?.append(randomBytes(request.bytes))
    await file?.sync('strict')
    return 'stored'
  })
}

/** As a listing has it. */
export async function fileSize(request: { store: string; path: string }): Promise<number> {
  for await (const { path, size } of opened(request.store).backend.files?.list(request.path) ?? []) if (path === request.path) return size
  return -1
}
