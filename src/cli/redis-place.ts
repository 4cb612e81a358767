// A Redis server by its URL, through the client package that the user has installed: none is a dependency of this one.

import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type IoRedisLike, type NodeRedisLike, redis } from '../adapters/redis/index.js'
import { StorageError } from '../core/base/errors.js'
import type { Backend } from '../core/ports/backend.js'

/** How often a server that does not answer is tried, and how long each time. */
const TRIES = 3
const CONNECT_MS = 3_000
const REST_MS = 200

/** What is used of the package `redis`. */
interface NodeRedisPackage {
  createClient(options: object): NodeRedisLike & {
    connect(): Promise<unknown>
    on(event: 'error', listener: (error: unknown) => void): unknown
    destroy(): void
  }
}

/** What is used of the package `ioredis`. */
interface IoRedisPackage {
  readonly Redis: new (
    url: string,
    options: object,
  ) => IoRedisLike & {
    connect(): Promise<unknown>
    on(event: 'error', listener: (error: unknown) => void): unknown
    disconnect(): void
  }
}

/**
 * `redis://[[user]:password@]host[:port][/db][?prefix=…]`, or `rediss:` for TLS. Errors: `unsupported` where no client is installed,
 * `unavailable` where no server answers.
 */
export async function connectRedis(text: string): Promise<{ readonly backend: Backend; close(): Promise<void> }> {
  const { url, prefix } = parse(text)
  const client = await connect(url)
  const backend = redis({ client: client.client, ...(prefix === undefined ? {} : { prefix }) })
  const close = async (): Promise<void> => {
    try {
      await backend.close()
    } finally {
      client.end()
    }
  }
  return { backend, close }
}

function parse(text: string): { url: string; prefix: string | undefined } {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url?.hostname) throw new StorageError('invalid', 'expected redis://<host>:<port>', { facts: { given: text } })
  const prefix = url.searchParams.get('prefix') ?? undefined
  url.search = ''
  return { url: url.href, prefix }
}

interface Connected {
  readonly client: NodeRedisLike | IoRedisLike
  end(): void
}

async function connect(url: string): Promise<Connected> {
  // What is installed where the command is run comes first, and then what lies beside this package.
  for (const from of [join(process.cwd(), 'package.json'), import.meta.url]) {
    const nodeRedis = await loadPackage<NodeRedisPackage>('redis', from)
    if (nodeRedis !== undefined) return connectNodeRedis(nodeRedis, url)
    const ioRedis = await loadPackage<IoRedisPackage>('ioredis', from)
    if (ioRedis !== undefined) return connectIoRedis(ioRedis, url)
  }
  throw new StorageError('unsupported', 'a Redis server is reached through a client, and none is installed here', {
    facts: { folder: process.cwd(), install: 'npm install redis' },
  })
}

async function connectNodeRedis({ createClient }: NodeRedisPackage, url: string): Promise<Connected> {
  let isConnected = false
  const reconnectStrategy = (tries: number): number | Error => (isConnected || tries < TRIES ? REST_MS : new Error('no server answers'))
  const client = createClient({ url, socket: { connectTimeout: CONNECT_MS, reconnectStrategy } })
  client.on('error', () => {}) // each call that fails says so itself
  await client.connect().catch((cause) => {
    throw unreachable(url, cause)
  })
  isConnected = true
  return { client, end: () => client.destroy() }
}

async function connectIoRedis({ Redis }: IoRedisPackage, url: string): Promise<Connected> {
  let isConnected = false
  const retryStrategy = (tries: number): number | null => (isConnected || tries < TRIES ? REST_MS : null)
  const client = new Redis(url, { lazyConnect: true, connectTimeout: CONNECT_MS, retryStrategy })
  client.on('error', () => {})
  await client.connect().catch((cause) => {
    client.disconnect()
    throw unreachable(url, cause)
  })
  isConnected = true
  return { client, end: () => client.disconnect() }
}

function unreachable(url: string, cause: unknown): StorageError {
  const { host, protocol } = new URL(url) // without the password
  return new StorageError('unavailable', 'no Redis server answers there', { cause, facts: { server: `${protocol}//${host}` } })
}

async function loadPackage<Package>(name: string, from: string): Promise<Package | undefined> {
  try {
    return (await import(pathToFileURL(createRequire(from).resolve(name)).href)) as Package
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
}
