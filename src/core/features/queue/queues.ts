// What can be done to queues without opening one.

import { StorageError } from '../../base/errors.js'
import { checkName } from '../../base/key.js'
import { contextOf } from '../../derived/resolve.js'
import type { Store } from '../../derived/store-context.js'
import { streamsOf } from '../../derived/streams-over-journals.js'
import { findQueue, listQueues, removeQueue } from '../../engine/catalogue.js'
import type { Backend } from '../../ports/backend.js'
import { marksPrefix } from '../../engine/marks-prefix.js'

/** Names of all queues, in the order of their UTF-8 bytes. */
export function queues(source: Store | Backend): Promise<readonly string[]> {
  const context = contextOf(source)
  context.checkOpen('queues')
  return listQueues(context.backend.blobs)
}

/** Deletes a queue with its records, groups and marks. `missing` when there is none. Handles that are still open get `closed`. */
export async function deleteQueue(source: Store | Backend, name: string): Promise<void> {
  checkName('queue name', name)
  const context = contextOf(source)
  await context.writable('deleteQueue')
  const { blobs, name: backend } = context.backend
  const found = await findQueue(blobs, name)
  if (found === undefined) {
    throw new StorageError('missing', 'there is no such queue', { operation: 'deleteQueue', backend, facts: { queue: name } })
  }
  await removeQueue(blobs, found)
  const { incarnation, buckets } = found.entry
  for (let bucket = 0; bucket < buckets; bucket++) await streamsOf(context).delete(`${incarnation}/${bucket}`)
  const marks: string[] = []
  for await (const { key } of blobs.list({ prefix: marksPrefix(incarnation) })) marks.push(key)
  if (marks.length > 0) await blobs.delete(marks)
}
