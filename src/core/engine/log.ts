// The seam between what a journal does (order, group commit, conditions, waiting) and where its frames lie: appended to
// files by one owner (`FileLog`), or put as create-only chunks by anybody (`ChunkLog`).

import type { BlobWrite } from '../ports/blob-store.js'
import type { Closable, Durability, WriteDurability } from '../ports/options.js'
import type { FrameFormat } from './frame-format.js'
import type { EncodedFrames, FrameBlock, LogEnd, WholeFrame } from './frames.js'

export type { EncodedFrames, FrameBlock, LogEnd, WholeFrame } from './frames.js'

/** A commit that is ready to be stored together with other things. */
export interface Proposal {
  /** To be stored all or none; a failed condition tells that the log goes on from elsewhere, or was deleted. */
  readonly writes: readonly BlobWrite[]
  readonly durability: WriteDurability | undefined
  /** Whether the writes are in the log; undefined where nothing tells. */
  isStored(): Promise<boolean | undefined>
  /** To be called when they are. */
  stored(): Promise<void>
  /** To be called when a condition failed, before the next proposal. `closed` when the log was deleted. */
  lost(): Promise<void>
}

/** A closed stretch of the log, as retention and compaction see it. */
export interface LogSegment {
  readonly name: string
  readonly base: number
  /** Offset behind its last record. */
  readonly next: number
  readonly bytes: number
  readonly records: number
  /** Greatest in it, ms. */
  readonly timestamp: number
  readonly sealedAt: number
}

export interface LogStats {
  readonly bytes: number
  readonly segments: number
}

export interface Log extends Closable {
  /** Whether a block may be read before somebody asks for it: it costs little, and nothing ends when a call does. */
  readonly readsAhead: boolean
  /** How its frames lie in their bytes. */
  readonly format: FrameFormat
  /** What the promise of an append without a sync, and after one, is worth. */
  readonly durability: { readonly written: Durability; readonly synced: Durability }
  /** How many segments were closed because they were full: when it rises, retention has something to look at. */
  readonly rolled: number
  /** The end as last known here; with `refresh` also what others appended. Opens (and recovers) on first use. */
  end(refresh?: boolean): Promise<LogEnd>
  /** Oldest offset held. */
  first(): Promise<number>
  /**
   * Stores what `encode` makes for the present end; it may run again for a later end when somebody else was first, and
   * may return undefined: nothing to store. After an error the outcome is unknown, and the log goes on behind it.
   * `closed` when the log was sealed.
   */
  commit(encode: (at: LogEnd) => EncodedFrames | undefined | Promise<EncodedFrames | undefined>): Promise<void>
  /** As `commit`, but the caller stores it, with this write id; absent where it takes more than blobs. */
  propose?(encode: (at: LogEnd) => EncodedFrames | Promise<EncodedFrames>, writeId: Uint8Array): Promise<Proposal>
  /** Makes all that was committed durable. A failure is final for what was not durable before. */
  sync(): Promise<void>
  /** Makes all that was committed as durable as the backend can, where that is more than `sync` promises. */
  flush?(): Promise<void>
  /** Frames from the one that holds `from` on (never beyond `limit`), about `maxBytes`; undefined where there is none. */
  read(from: number, limit: number, maxBytes: number): Promise<FrameBlock | undefined>
  /** Offset of the first record with a timestamp at or after `time`; the end when there is none. */
  offsetAt(time: number): Promise<number>
  /** The first offset behind which the log takes no more than about `bytes` (to the grain of the index). */
  offsetAtBytes(bytes: number): Promise<number>
  /** An epoch's end where a recovery dropped what came after; used to find positions that point past it. */
  rewindTo(next: number, epoch: number): number
  stats(): Promise<LogStats>

  /** Oldest first. */
  segments(): Promise<readonly LogSegment[]>
  /** Closes what is being appended to, so that all there is lies in segments. */
  roll(): Promise<void>
  /** Nothing below `before` is read any more, and segments wholly below are dropped. Readers in flight are unharmed. */
  trim(before: number): Promise<void>
  /**
   * Puts a segment with these frames in the place of the named one, at once or not at all; where there are none the
   * segment goes. Readers in flight are unharmed.
   */
  replace(name: string, frames: AsyncIterable<WholeFrame>): Promise<void>
  /** All whole frames of a segment, in order; `corrupt` where one is damaged. */
  frames(name: string): AsyncIterable<WholeFrame>
  /** No append follows: later ones are `closed`. */
  seal(): Promise<void>
}
