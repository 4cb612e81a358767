// The parts of the two usual Redis clients that Varve uses, by structure, so that neither is needed to compile.

/** A client of the package `redis` (5 or 6): `await createClient(…).connect()`. */
export interface NodeRedisLike {
  readonly isOpen: boolean
  sendCommand(args: readonly (string | Uint8Array)[], options?: object): Promise<unknown>
  /** Another connection with the same settings, not connected yet. */
  duplicate(): NodeRedisSubscriberLike
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  unsubscribe(channel: string, listener: (message: string) => void): Promise<unknown>
}

/** What `duplicate()` of the package `redis` gives. */
export interface NodeRedisSubscriberLike {
  connect(): Promise<unknown>
  destroy(): void
  on(event: 'error', listener: (error: unknown) => void): unknown
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  unsubscribe(channel: string, listener: (message: string) => void): Promise<unknown>
}

/** A client of the package `ioredis`: `new Redis(…)`. */
export interface IoRedisLike {
  readonly status: string
  callBuffer(command: string, args: (string | Uint8Array | number)[]): Promise<unknown>
  duplicate(): IoRedisSubscriberLike
  subscribe(channel: string): Promise<unknown>
  unsubscribe(channel: string): Promise<unknown>
  on(event: 'message', listener: (channel: string, message: string) => void): unknown
  off(event: 'message', listener: (channel: string, message: string) => void): unknown
}

/** What `duplicate()` of the package `ioredis` gives. */
export interface IoRedisSubscriberLike {
  disconnect(): void
  on(event: 'error', listener: (error: unknown) => void): unknown
  on(event: 'message', listener: (channel: string, message: string) => void): unknown
  off(event: 'message', listener: (channel: string, message: string) => void): unknown
  subscribe(channel: string): Promise<unknown>
  unsubscribe(channel: string): Promise<unknown>
}

/** A connected client of `redis` or of `ioredis`, of one server (no cluster). */
export type RedisClientLike = NodeRedisLike | IoRedisLike

export function isIoRedis(client: RedisClientLike): client is IoRedisLike {
  return typeof (client as Partial<IoRedisLike>).callBuffer === 'function'
}
