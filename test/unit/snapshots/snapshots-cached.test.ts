// The suites of snapshots where each handle reads through a cache, the same for all stores.

import { describe, test, vi } from 'vitest'
import { memory } from '../../../dist/adapters/memory/index.js'
import type * as opening from '../../../dist/core/features/snapshots/open-snapshots.js'
import { snapshotsDiffSuite } from '../../../dist/testing/snapshots-diff-suite.js'
import { snapshotsForkSuite } from '../../../dist/testing/snapshots-fork-suite.js'
import { snapshotsListSuite } from '../../../dist/testing/snapshots-list-suite.js'
import { snapshotsRetentionSuite } from '../../../dist/testing/snapshots-retention-suite.js'
import { snapshotsSaveSuite } from '../../../dist/testing/snapshots-save-suite.js'
import { onSnapshots } from '../../../dist/testing/snapshots-scene.js'
import { snapshotsWatchSuite } from '../../../dist/testing/snapshots-watch-suite.js'
import { registerSuite } from '../../../dist/testing/suite.js'

const cache = vi.hoisted(() => ({ backend: undefined as unknown }))
cache.backend = memory()

vi.mock('../../../dist/core/features/snapshots/open-snapshots.js', async (original) => {
  const { openSnapshots } = await original<typeof opening>()
  const cached: typeof openSnapshots = (source, options) =>
    openSnapshots(source, { ...options, cache: { backend: cache.backend as ReturnType<typeof memory>, maxBytes: 8_000_000 } })
  return { openSnapshots: cached }
})

describe('snapshots with a cache', () => {
  const on = onSnapshots(async () => memory())
  registerSuite(test, [
    ...snapshotsSaveSuite(on),
    ...snapshotsListSuite(on),
    ...snapshotsForkSuite(on),
    ...snapshotsDiffSuite(on),
    ...snapshotsRetentionSuite(on),
    ...snapshotsWatchSuite(on),
  ])
})
