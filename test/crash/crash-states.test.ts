import { describe } from 'vitest'
import { type Scenario, testScenarios } from './reach.js'

const scenarios: readonly Scenario[] = [
  {
    name: 'files, every append synced',
    backend: {},
    options: [1, 2, 3].map((buckets) => ({ buckets, segmentBytes: 900 })),
    states: 14_000,
    sessions: 2,
    rounds: 8,
  },
  {
    name: 'files, synced now and then',
    backend: {},
    options: [
      { buckets: 1, segmentBytes: 900, sync: { everyRecords: 4 } },
      { buckets: 2, segmentBytes: 1500, sync: { everyRecords: 7 } },
      { buckets: 2, segmentBytes: 1500, sync: 'never' },
    ],
    states: 6_500,
    sessions: 2,
    rounds: 8,
  },
  {
    name: 'files of text',
    backend: {},
    options: [
      { buckets: 1, segmentBytes: 2500, format: 'ndjson' },
      { buckets: 2, segmentBytes: 2500, format: 'ndjson', sync: { everyRecords: 5 } },
    ],
    states: 400,
    sessions: 2,
    rounds: 8,
  },
]

describe('whatever a crash leaves of a log of files', () => testScenarios(scenarios))
