// The queue suites in another format than the default: `inFormat` says of a backend in which its queues are created.

import { contextOf } from '../core/derived/resolve.js'
import type { Store } from '../core/derived/store-context.js'
import { openQueue as openAny } from '../core/features/queue/open-queue.js'
import type { Queue, QueueOptions } from '../core/features/queue/types.js'
import type { Backend } from '../core/ports/backend.js'
import type { StreamFormat } from '../core/ports/stream-broker.js'

const formats = new WeakMap<Backend, StreamFormat>()

/** The same backend, on which the queue suites open all queues in this format. */
export function inFormat<B extends Backend>(backend: B, format: StreamFormat): B {
  formats.set(backend, format)
  return backend
}

export function openQueue<Output = unknown, Input = Output>(
  source: Store | Backend,
  name: string,
  options: QueueOptions<Output, Input> = {},
): Promise<Queue<Output, Input>> {
  const format = formats.get(contextOf(source).backend)
  return openAny(source, name, format === undefined ? options : { format, ...options })
}
