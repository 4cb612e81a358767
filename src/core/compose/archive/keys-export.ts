// The keys of a namespace on their way into an archive: each value as it is when it is read, none twice.

import { mapOrdered } from '../../base/map-ordered.js'
import { type ArchivedValue, encodeValues } from '../../codec/archive/values.js'
import type { SectionToWrite } from '../../codec/archive/write.js'
import type { StoreContext } from '../../derived/store-context.js'
import { KeySpace } from '../../features/kv/key-space.js'
import { isLive, openValue } from '../../features/kv/stored-value.js'

const READ_AHEAD = 16
const SECTION_BYTES = 1024 * 1024
const PART_BYTES = 4 * 1024 * 1024

export async function* exportKeys(
  { backend, clock }: StoreContext,
  namespace: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<SectionToWrite> {
  const space = new KeySpace(backend.blobs, namespace)
  const load = async ({ key, blobKey }: { key: string; blobKey: string }): Promise<ArchivedValue | undefined> => {
    const blob = await backend.blobs.get(blobKey, signal === undefined ? {} : { signal })
    if (blob === undefined) return undefined
    const { envelope, expiresAt } = openValue(blob, key)
    return isLive(expiresAt, clock.now()) ? { key, codec: envelope.codec, expiresAt, bytes: envelope.body } : undefined
  }
  let values: ArchivedValue[] = []
  let bytes = 0
  for await (const value of mapOrdered(space.list(signal === undefined ? {} : { signal }), READ_AHEAD, load)) {
    signal?.throwIfAborted()
    if (value === undefined) continue
    if (bytes > 0 && bytes + value.bytes.length > SECTION_BYTES) {
      yield section(namespace, values)
      values = []
      bytes = 0
    }
    let { bytes: body } = value
    for (; body.length > PART_BYTES; body = body.subarray(PART_BYTES)) {
      yield { type: 'valuePart', body: body.subarray(0, PART_BYTES) }
    }
    values.push({ ...value, bytes: body })
    bytes += value.key.length + body.length + 1
    // What follows a part is the first of its section.
    if (body !== value.bytes) bytes = SECTION_BYTES
  }
  if (values.length > 0) yield section(namespace, values)
}

function section(namespace: string, values: readonly ArchivedValue[]): SectionToWrite {
  return { type: 'values', body: encodeValues({ namespace, values }), counts: { values: values.length } }
}
