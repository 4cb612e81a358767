import { describe } from 'vitest'
import { type Scenario, testScenarios } from './reach.js'

const scenarios: readonly Scenario[] = [
  {
    name: 'chunks',
    backend: { files: false },
    options: [1, 2, 4].map((buckets) => ({ buckets })),
    states: 11_000,
    sessions: 2,
    rounds: 4,
    failures: ['power'],
  },
  {
    name: 'chunks, merged into segments',
    backend: { files: false },
    options: [1, 2].map((buckets) => ({ buckets, segmentBytes: 700 })),
    states: 2_000,
    sessions: 2,
    rounds: 6,
    failures: ['power'],
  },
  {
    name: 'chunks, put relaxedly and merged into segments',
    backend: { files: false, defaultDurability: 'relaxed', relaxedLoss: 'suffix' },
    options: [1, 2].map((buckets) => ({ buckets, segmentBytes: 700 })),
    states: 1_000,
    sessions: 2,
    rounds: 6,
  },
  {
    name: 'chunks, put strictly where puts are relaxed',
    backend: { files: false, defaultDurability: 'relaxed' },
    options: [
      { buckets: 1, durability: 'strict' },
      { buckets: 3, durability: 'strict' },
      { buckets: 1, durability: 'strict', segmentBytes: 700 },
    ],
    states: 10_000,
    sessions: 2,
    rounds: 4,
  },
  {
    name: 'chunks, put relaxedly',
    backend: { files: false, defaultDurability: 'relaxed', relaxedLoss: 'suffix' },
    options: [1, 2].map((buckets) => ({ buckets })),
    states: 2_000,
    sessions: 2,
    rounds: 4,
  },
]

describe('whatever a crash leaves of a log of chunks', () => testScenarios(scenarios))
