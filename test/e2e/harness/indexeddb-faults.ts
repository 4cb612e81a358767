// What happens to a page whose database is deleted, blocked, closed or upgraded behind its back. Real IndexedDB throughout:
// the other side is played by plain calls to the browser.

import { destroyIndexedDb, indexedDb } from 'varve/adapters/indexeddb'
import { expectBytes, expectEqual, expectRejects, expectTrue, type SuiteCase } from 'varve/testing'
import type { TestedBackend } from './backends.js'

const BYTES = Uint8Array.of(1, 2, 3)

export function indexedDbFaultSuite(): readonly SuiteCase[] {
  return [
    faultCase('a database deleted under the running page is corrupt, never an empty store', deletedUnderThePage),
    faultCase('a database wiped since the last visit is reported until destroy', wipedSinceTheLastVisit),
    faultCase('a store that another tab destroyed is corrupt here and new elsewhere', destroyedElsewhere),
    faultCase('a blocked open is unavailable and names the other tab', blockedOpen),
    faultCase('a blocked destroy is unavailable', blockedDestroy),
    faultCase('a connection closed behind its back is used again', closedConnection),
    faultCase('a transaction aborted by the browser is done once more', abortedTransaction),
    faultCase('a conditional put whose answer was lost is settled by reading back', lostAnswer),
    faultCase('an upgrade by another tab is let through', upgradedElsewhere),
    faultCase('a database of a newer version is refused', newerVersion),
    faultCase('bytes of a view are stored alone, not with the buffer behind them', viewIsCompacted),
  ]
}

function faultCase(name: string, run: (store: string, backend: TestedBackend) => Promise<void>): SuiteCase {
  return {
    name,
    async run() {
      const store = `fault-${crypto.randomUUID()}`
      const backend = indexedDb({ name: store, blockedMs: 300 })
      try {
        await run(store, backend)
      } finally {
        await backend.close()
        await destroyIndexedDb(store)
      }
    },
  }
}

async function deletedUnderThePage(store: string, backend: TestedBackend): Promise<void> {
  await backend.blobs.put('a', BYTES)
  await deleteRaw(store)
  await expectRejects(() => backend.blobs.get('a'), 'corrupt')
  await expectRejects(() => backend.blobs.put('b', BYTES), 'corrupt')
  const warnings = (await backend.health()).warnings.join()
  expectTrue(warnings.includes('deleted or wiped'), `the warning (${warnings})`)
}

async function wipedSinceTheLastVisit(store: string, backend: TestedBackend): Promise<void> {
  await backend.blobs.put('a', BYTES)
  await backend.close()
  await deleteRaw(store)
  for (let visit = 0; visit < 2; visit++) {
    const next = indexedDb({ name: store })
    await expectRejects(() => next.blobs.get('a'), 'corrupt')
    await next.close()
  }
  await destroyIndexedDb(store)
  const anew = indexedDb({ name: store })
  expectEqual(await anew.blobs.get('a'), undefined)
  await anew.close()
}

async function destroyedElsewhere(store: string, backend: TestedBackend): Promise<void> {
  await backend.blobs.put('a', BYTES)
  await destroyIndexedDb(store)
  const elsewhere = indexedDb({ name: store })
  await elsewhere.blobs.put('b', BYTES)
  await elsewhere.close()
  await expectRejects(() => backend.blobs.get('b'), 'corrupt')
}

async function blockedOpen(store: string, backend: TestedBackend): Promise<void> {
  const deaf = await openRaw(store, 1)
  const deleting = deleteRaw(store)
  const error = await expectRejects(() => backend.blobs.get('a'), 'unavailable')
  expectTrue(error.message.includes('another tab'), error.message)
  deaf.close()
  await deleting
  expectEqual(await backend.blobs.get('a'), undefined)
}

async function blockedDestroy(store: string, backend: TestedBackend): Promise<void> {
  await backend.blobs.put('a', BYTES)
  await backend.close()
  const deaf = await openRaw(store, 1)
  await expectRejects(() => destroyIndexedDb(store, { blockedMs: 300 }), 'unavailable')
  deaf.close()
}

async function closedConnection(_store: string, backend: TestedBackend): Promise<void> {
  const opened = await capture(() => backend.blobs.put('a', BYTES))
  opened.close()
  expectBytes((await backend.blobs.get('a'))?.data, BYTES)
  await backend.blobs.put('a', Uint8Array.of(4), { when: { version: (await backend.blobs.get('a'))?.version as string } })
  expectBytes((await backend.blobs.get('a'))?.data, Uint8Array.of(4))
}

async function abortedTransaction(_store: string, backend: TestedBackend): Promise<void> {
  await backend.blobs.put('a', BYTES)
  const faults = await withFault(abortNow, () => backend.blobs.put('b', BYTES, { when: 'absent' }))
  expectEqual(faults, 1)
  expectBytes((await backend.blobs.get('b'))?.data, BYTES)
}

async function lostAnswer(_store: string, backend: TestedBackend): Promise<void> {
  await backend.blobs.put('a', BYTES)
  let version: string | undefined
  const faults = await withFault(loseAnswer, async () => {
    version = (await backend.blobs.put('b', BYTES, { when: 'absent' })).version
  })
  expectEqual(faults, 1)
  expectEqual((await backend.blobs.get('b'))?.version, version)
}

async function upgradedElsewhere(store: string, backend: TestedBackend): Promise<void> {
  await backend.blobs.put('a', BYTES)
  await abortedUpgrade(store, 2)
  expectBytes((await backend.blobs.get('a'))?.data, BYTES)
}

async function newerVersion(store: string, backend: TestedBackend): Promise<void> {
  const newer = await openRaw(store, 99)
  newer.close()
  await expectRejects(() => backend.blobs.get('a'), 'unsupported')
}

async function viewIsCompacted(_store: string, backend: TestedBackend): Promise<void> {
  const big = new Uint8Array(100_000).fill(7)
  await backend.blobs.put('a', big.subarray(10, 20))
  const data = (await backend.blobs.get('a'))?.data as Uint8Array
  expectEqual([data.byteLength, data.buffer.byteLength], [10, 10])
}

function openRaw(store: string, version: number): Promise<IDBDatabase> {
  const request = indexedDB.open(`varve-${store}`, version)
  return settled(request)
}

function deleteRaw(store: string): Promise<unknown> {
  return settled(indexedDB.deleteDatabase(`varve-${store}`))
}

/** Another tab asks for a higher version, everybody lets go, and it changes its mind. */
async function abortedUpgrade(store: string, version: number): Promise<void> {
  const request = indexedDB.open(`varve-${store}`, version)
  request.onupgradeneeded = () => request.transaction?.abort()
  await settled(request).catch(() => undefined)
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}

/** The connection that `run` opens. */
async function capture(run: () => Promise<unknown>): Promise<IDBDatabase> {
  const original = IDBFactory.prototype.open
  let request: IDBOpenDBRequest | undefined
  IDBFactory.prototype.open = function (this: IDBFactory, name: string, version?: number) {
    request = original.call(this, name, version)
    return request
  }
  try {
    await run()
  } finally {
    IDBFactory.prototype.open = original
  }
  return request?.result as IDBDatabase
}

/** While `run` runs, its first readwrite transaction meets a fault; gives how many did. */
async function withFault(fault: (tx: IDBTransaction, happened: () => void) => void, run: () => Promise<unknown>): Promise<number> {
  const original = IDBDatabase.prototype.transaction
  let armed = true
  let count = 0
  IDBDatabase.prototype.transaction = function (this: IDBDatabase, ...args: Parameters<typeof original>) {
    const tx = original.apply(this, args)
    if (args[1] === 'readwrite' && armed) {
      armed = false
      fault(tx, () => count++)
    }
    return tx
  }
  try {
    await run()
  } finally {
    IDBDatabase.prototype.transaction = original
  }
  return count
}

function abortNow(tx: IDBTransaction, happened: () => void): void {
  queueMicrotask(() => {
    tx.abort()
    happened()
  })
}

/** The transaction completes, but its caller hears of an abort. */
function loseAnswer(tx: IDBTransaction, happened: () => void): void {
  const onComplete = (event: Event): void => {
    event.stopImmediatePropagation()
    happened()
    tx.dispatchEvent(new Event('abort'))
  }
  // Before anybody else listens: the browser calls listeners of a transaction in their order.
  tx.addEventListener('complete', onComplete)
}
