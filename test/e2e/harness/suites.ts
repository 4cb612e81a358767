// The conformance suites that run in a browser. One more is one more line.

import { encrypted } from 'varve'
import { indexedDb } from 'varve/adapters/indexeddb'
import { memory } from 'varve/adapters/memory'
import {
  archiveSuite,
  type BackendSuiteOptions,
  blobStoreSuite,
  chunkDoctorSuite,
  doctorSuite,
  fileStoreSuite,
  kvSuite,
  lockManagerSuite,
  type MakeBackend,
  queueAppendSuite,
  queueSuite,
  queueUpkeepSuite,
  replicateSuite,
  type SuiteCase,
  signalBusSuite,
  snapshotsSuite,
  streamBrokerSuite,
  streamProducersSuite,
  transactionSuite,
} from 'varve/testing'
import type { BrowserBackend, Place, TestedBackend } from './backends.js'
import { indexedDbFaultSuite } from './indexeddb-faults.js'
import { opfsFaultSuite } from './opfs-faults.js'

type Suite = (make: MakeBackend, options?: BackendSuiteOptions) => readonly SuiteCase[]

export interface NamedSuite {
  readonly name: string
  readonly suite: Suite
  /** Backends that have what it tests; absent = all. */
  readonly backends?: readonly string[]
  /** Made of what other suites test in pages too. */
  readonly isInWorkersAlone?: true
}

const inMemory: MakeBackend = async () => memory()
const sealed =
  (make: MakeBackend): MakeBackend =>
  async () =>
    encrypted(await make(), { key: new Uint8Array(32).fill(7) })

/** They go with the profile of the browser. */
const onIndexedDb: MakeBackend = async () => indexedDb({ name: `suite-${crypto.randomUUID()}` })

export const suites: readonly NamedSuite[] = [
  { name: 'blobs', suite: blobStoreSuite },
  { name: 'files', suite: fileStoreSuite, backends: ['opfs'] },
  { name: 'locks', suite: lockManagerSuite },
  { name: 'signals', suite: signalBusSuite },
  { name: 'kv', suite: kvSuite },
  { name: 'streams', suite: streamBrokerSuite },
  { name: 'said', suite: streamProducersSuite },
  { name: 'queue', suite: queueSuite },
  { name: 'append', suite: queueAppendSuite },
  { name: 'transaction', suite: transactionSuite },
  { name: 'upkeep', suite: queueUpkeepSuite },
  { name: 'archive', suite: (make) => archiveSuite(make, make), isInWorkersAlone: true },
  { name: 'replicate', suite: (make) => replicateSuite(make, make), isInWorkersAlone: true },
  { name: 'replicate to memory', suite: (make) => replicateSuite(make, inMemory), isInWorkersAlone: true },
  { name: 'replicate from memory', suite: (make) => replicateSuite(inMemory, make), isInWorkersAlone: true },
  { name: 'replicate to IndexedDB', suite: (make) => replicateSuite(make, onIndexedDb), backends: ['opfs'] },
  { name: 'replicate from IndexedDB', suite: (make) => replicateSuite(onIndexedDb, make), backends: ['opfs'] },
  { name: 'snapshots', suite: snapshotsSuite },
  { name: 'encrypted blobs', suite: (make) => blobStoreSuite(sealed(make)), isInWorkersAlone: true },
  { name: 'encrypted files', suite: (make) => fileStoreSuite(sealed(make)), backends: ['opfs'] },
  { name: 'encrypted append', suite: (make) => queueAppendSuite(sealed(make)), isInWorkersAlone: true },
  { name: 'encrypted snapshots', suite: (make) => snapshotsSuite(sealed(make)), isInWorkersAlone: true },
  { name: 'doctor', suite: doctorSuite, isInWorkersAlone: true },
  { name: 'chunk doctor', suite: chunkDoctorSuite, backends: ['indexeddb'] },
  { name: 'faults', suite: indexedDbFaultSuite, backends: ['indexeddb'] },
  { name: 'faults', suite: opfsFaultSuite, backends: ['opfs'] },
]

/** The cases of one suite on one backend; every case has places of its own, removed by `cleanUp`. */
export function casesOf(suite: NamedSuite, backend: BrowserBackend): { readonly cases: readonly SuiteCase[]; cleanUp(): Promise<void> } {
  const names = new Map<TestedBackend, string>()
  const open = async (name: string): Promise<TestedBackend> => {
    const opened = backend.open(name)
    names.set(opened, name)
    return opened
  }
  const make: MakeBackend = () => open(`suite-${crypto.randomUUID()}`)
  const reopen = (before: TestedBackend): Promise<TestedBackend> => open(names.get(before) as string)
  return {
    cases: suite.suite(make, { reopen }),
    async cleanUp() {
      for (const opened of names.keys()) await opened.close()
      for (const name of new Set(names.values())) await backend.destroy(name)
    },
  }
}

/** What runs where: for the runner's list of tests and for the page alike. */
export function runsOf(suite: NamedSuite, backend: BrowserBackend): readonly Place[] {
  if (suite.backends !== undefined && !suite.backends.includes(backend.name)) return []
  return suite.isInWorkersAlone ? ['worker'] : backend.places
}
