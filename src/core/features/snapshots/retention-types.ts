// Which snapshots are kept: rules that are ORed, for each branch of each session by itself.

import type { Cancellable } from '../../ports/options.js'
import type { SnapshotInfo } from './types.js'

/**
 * A snapshot stays when any rule keeps it; pinned ones, and those dated in the future, always stay, and the newest of a
 * branch stays when no rule keeps any of it. `hourly: 24` keeps the newest of each of the last 24 hours (UTC) in which there is one.
 */
export interface PrunePolicy {
  /** The newest so many. */
  readonly last?: number
  /** Those not older than this (ms). */
  readonly withinMs?: number
  readonly hourly?: number
  readonly daily?: number
  /** ISO weeks, Monday to Sunday. */
  readonly weekly?: number
  readonly monthly?: number
  readonly yearly?: number
  /** Those with any of these tags. */
  readonly tags?: readonly string[]
}

/** Which snapshots a policy is applied to; default all. */
export interface PruneOptions extends Cancellable {
  readonly agent?: string
  readonly session?: string
  readonly branch?: string
  /** Says what would be done, and does nothing. Default false. */
  readonly dryRun?: boolean
}

export interface KeptSnapshot {
  readonly info: SnapshotInfo
  /** Why it stays: `last`, `within`, `hourly 2026-11-21T14`, `daily 2026-11-21`, `weekly 2026-W47`, `tag good`, `pinned`, `future`, `only one left`. */
  readonly reasons: readonly string[]
}

export interface PruneReport {
  readonly dryRun: boolean
  /** Newest first. */
  readonly kept: readonly KeptSnapshot[]
  /** Newest first. Their content goes with the next collection. */
  readonly removed: readonly SnapshotInfo[]
}
