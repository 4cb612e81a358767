// What snapshots must do on every backend that can compare and set; on the others `openSnapshots` must say what to use instead.

import { snapshotsDamageSuite } from './snapshots-damage-suite.js'
import { snapshotsDiffSuite } from './snapshots-diff-suite.js'
import { snapshotsForkSuite } from './snapshots-fork-suite.js'
import { snapshotsListSuite } from './snapshots-list-suite.js'
import { snapshotsRetentionSuite } from './snapshots-retention-suite.js'
import { snapshotsSaveSuite } from './snapshots-save-suite.js'
import { onSnapshots } from './snapshots-scene.js'
import { snapshotsWatchSuite } from './snapshots-watch-suite.js'
import type { MakeBackend, SuiteCase } from './suite.js'

/** Every behaviour of `openSnapshots` on the backends that `make` gives. */
export function snapshotsSuite(make: MakeBackend): readonly SuiteCase[] {
  const on = onSnapshots(make)
  return [
    ...snapshotsSaveSuite(on),
    ...snapshotsListSuite(on),
    ...snapshotsForkSuite(on),
    ...snapshotsDiffSuite(on),
    ...snapshotsRetentionSuite(on),
    ...snapshotsDamageSuite(on),
    ...snapshotsWatchSuite(on),
  ]
}
