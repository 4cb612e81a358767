// Measures on OPFS against a plain sync access handle, in a dedicated worker, where those handles are.

import { openQueue } from '../../dist/index.js'
import { destroyOpfs, opfs } from '../../dist/adapters/opfs/index.js'
import { measure } from '../harness.mjs'
import { encodeText, makeRecords } from '../payload.mjs'

const BATCH = 1000
const BATCHES = 10
const STORE = 'bench-opfs'
const PEER = 'bench-raw'

const records = makeRecords(BATCH)
const encoder = new TextEncoder()

const opfsCase = {
  title: `Chromium, OPFS, batch of ${BATCH}`,
  peer: 'raw handle, same encoding, one write + flush',
  gate: 0.4,
  records: BATCH * BATCHES,
  open: openSides,
}

self.onmessage = ({ data: runs }) => {
  measure(opfsCase, runs).then(
    (result) => self.postMessage({ result }),
    (error) => self.postMessage({ error: String(error?.stack ?? error) }),
  )
}

/** With one batch in the queue: its making is not part of an append. */
async function openSides() {
  const backend = opfs({ name: STORE })
  const queue = await openQueue(backend, 'orders')
  const root = await navigator.storage.getDirectory()
  const handle = await (await root.getFileHandle(PEER, { create: true })).createSyncAccessHandle()
  let end = 0
  await queue.appendRecords(records)
  return {
    ours: async () => {
      for (let i = 0; i < BATCHES; i++) await queue.appendRecords(records)
    },
    peer: async () => {
      for (let i = 0; i < BATCHES; i++) {
        end += handle.write(encoder.encode(encodeText(records)), { at: end })
        handle.flush()
      }
    },
    close: async () => {
      await queue.close()
      await backend.close()
      handle.close()
      await root.removeEntry(PEER)
      await destroyOpfs(STORE)
    },
  }
}
