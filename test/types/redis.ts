// The clients of both packages fit, as they are made by their own functions.

import { Redis } from 'ioredis'
import { createClient, RESP_TYPES } from 'redis'
import { type RedisClientLike, type RedisOptions, redis } from 'varve/adapters/redis'

const plain = createClient()
const two = createClient({ RESP: 2 })
const three = createClient({ RESP: 3 })
const withBuffers = createClient().withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
const io = new Redis({ lazyConnect: true })

export const clients: readonly RedisClientLike[] = [plain, two, three, withBuffers, io]
export const options: RedisOptions = { client: plain, subscriber: plain.duplicate(), prefix: 'shop:' }
export const backends = [redis({ client: io, subscriber: io.duplicate() }), redis(options)]
// @ts-expect-error a URL is no client
export const refused = redis({ client: 'redis://localhost' })
