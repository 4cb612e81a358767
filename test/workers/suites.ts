// Which suites run on which binding. The same list runs with Node compatibility (in the runner) and without (in `plain`).

import { encrypted } from 'varve'
import { memory } from 'varve/adapters/memory'
import { type R2BucketLike, r2 } from 'varve/adapters/cloudflare-r2'
import { cloudflareKv, type KvNamespaceLike } from 'varve/adapters/cloudflare-kv'
import {
  archiveSuite,
  blobStoreSuite,
  chunkDoctorSuite,
  doctorSuite,
  kvSuite,
  type MakeBackend,
  queueAppendSuite,
  queueRefusalSuite,
  queueSuite,
  queueUpkeepSuite,
  replicateSuite,
  type SuiteCase,
  snapshotsSuite,
  streamBrokerSuite,
  streamProducersSuite,
  transactionSuite,
} from 'varve/testing'
import { saverSuite } from '../langgraph/saver-suite.js'

export interface Bindings {
  readonly BUCKET: R2BucketLike
  readonly KV: KvNamespaceLike
}

export interface NamedSuite {
  readonly name: string
  readonly cases: readonly SuiteCase[]
}

/** R2's version is a hash of the bytes. Core never puts the same bytes twice, so it never sees the same version twice. */
const NOT_ON_R2 = 'blobs: the version differs after every put, also of equal bytes'

export function suites({ BUCKET, KV }: Bindings): readonly NamedSuite[] {
  const onR2: MakeBackend = async () => r2({ bucket: BUCKET, prefix: `${crypto.randomUUID()}/` })
  const onKv: MakeBackend = async () => cloudflareKv({ namespace: KV, prefix: `${crypto.randomUUID()}/` })
  const inMemory: MakeBackend = async () => memory()
  const sealedOnR2: MakeBackend = async () => encrypted(await onR2(), { key: new Uint8Array(32).fill(7) })
  const lastWriteWins = { conditionalPut: false, consistency: 'eventual' } as const
  return [
    { name: 'R2', cases: blobStoreSuite(onR2).filter(({ name }) => name !== NOT_ON_R2) },
    { name: 'R2', cases: kvSuite(onR2) },
    { name: 'R2', cases: snapshotsSuite(onR2) },
    { name: 'R2, LangGraph', cases: saverSuite(onR2) },
    { name: 'R2', cases: streamBrokerSuite(onR2) },
    { name: 'R2', cases: streamProducersSuite(onR2) },
    { name: 'R2', cases: queueSuite(onR2) },
    { name: 'R2', cases: doctorSuite(onR2) },
    { name: 'R2', cases: chunkDoctorSuite(onR2) },
    { name: 'R2', cases: queueAppendSuite(onR2) },
    { name: 'R2', cases: transactionSuite(onR2) },
    { name: 'R2', cases: queueUpkeepSuite(onR2) },
    { name: 'encrypted R2', cases: blobStoreSuite(sealedOnR2) },
    { name: 'encrypted R2', cases: snapshotsSuite(sealedOnR2) },
    { name: 'encrypted R2', cases: queueAppendSuite(sealedOnR2) },
    { name: 'R2 to memory', cases: archiveSuite(onR2, inMemory) },
    { name: 'memory to R2', cases: archiveSuite(inMemory, onR2) },
    { name: 'R2 to R2', cases: replicateSuite(onR2, onR2) },
    { name: 'R2 to memory', cases: replicateSuite(onR2, inMemory) },
    { name: 'memory to R2', cases: replicateSuite(inMemory, onR2) },
    { name: 'KV', cases: blobStoreSuite(onKv, { traits: lastWriteWins }) },
    { name: 'KV', cases: kvSuite(onKv) },
    { name: 'KV', cases: snapshotsSuite(onKv) },
    { name: 'KV', cases: queueRefusalSuite(onKv) },
  ]
}
