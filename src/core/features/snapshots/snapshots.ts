// What users of an opened store of snapshots can do.

import type { ArchiveSource } from '../../codec/archive/byte-source.js'
import type { Cancellable, Handle } from '../../ports/options.js'
import type { Store } from '../../derived/resolve.js'
import type { Backend } from '../../ports/backend.js'
import type { LazySnapshot, LoadOptions, LoadPathOptions, PatchOperation, Salvaged } from './read-types.js'
import type { SnapshotExportOptions, SnapshotImportOptions, SnapshotImportReport } from './archive-types.js'
import type { PruneOptions, PrunePolicy, PruneReport } from './retention-types.js'
import type { AutoOptions, AutoSave, SaveItem, SaveManyOptions, SaveOptions } from './save-types.js'
import type {
  CollectOptions,
  CollectReport,
  CopyOptions,
  CopyReport,
  RepairOptions,
  RepairReport,
  SnapshotReport,
  VerifyOptions,
} from './upkeep-types.js'
import type { BranchRef, ForkTarget, SessionRef, SnapshotChange, SnapshotFilter, SnapshotInfo, SubscribeOptions } from './types.js'

/** Calls after `close()` are `closed`; an aborted signal rejects with its reason. `which` is an id, or a branch: its newest. */
export interface Snapshots<State> extends Handle {
  /**
   * Stores the state as it is at the time of the call, or a stream; it can be seen by others only once it is complete.
   * `invalid` for a state or metadata that would not come back equal, `missing` for a parent that is not there,
   * `unavailable` when too many others saved to the session at once, `conflict` for a stream that a collection overtook.
   */
  save(options: SaveOptions<State>): Promise<SnapshotInfo>
  /**
   * Stores many states, small ones for a fraction of what single saves cost: all chunks share packs, and what belongs to one
   * session is committed at once, all or none of it. Infos come in the order of the items. When it fails, the error is a
   * `PartialSave` too, which tells what was saved. `conflict` where chunks that it relied on were taken meanwhile and the items
   * are no array, which is gone through again, or others of them are saved already.
   */
  saveMany(items: Iterable<SaveItem<State>> | AsyncIterable<SaveItem<State>>, options?: SaveManyOptions): Promise<readonly SnapshotInfo[]>
  /** A part of a JSON state; chunks of other parts are not read. `missing` where the state has no such place, `unsupported` where it is not JSON. */
  load<Part = unknown>(which: string | BranchRef, options: LoadPathOptions): Promise<Part>
  /** The state. `missing` when there is none, `corrupt` with `expected` and `actual` hash when damaged. */
  load(which: string | BranchRef, options?: LoadOptions): Promise<State>
  /** A JSON state that is read as it is asked for: opening it reads its manifest only. `unsupported` where it is not JSON. */
  lazy(which: string | BranchRef, options?: Cancellable): Promise<LazySnapshot>
  /** What can still be read of a damaged state, with the exact places that are lost. Throws only where the manifest itself is damaged. */
  salvage(which: string | BranchRef, options?: Cancellable): Promise<Salvaged<State>>
  /**
   * What turns the state of `a` into that of `b`, as a JSON Patch (RFC 6902); the order of keys is no difference. Chunks that both
   * have are not read. Values that are not JSON stand in it as they are. `missing` and `corrupt` as `load`.
   */
  diff(a: string | BranchRef, b: string | BranchRef, options?: Cancellable): Promise<readonly PatchOperation[]>
  /** The encoded state piece by piece, in bounded memory. `missing` as `load`; damage makes the stream fail with `corrupt`, at its end at the latest. */
  stream(which: string | BranchRef, options?: Cancellable): Promise<ReadableStream<Uint8Array>>
  /** All about it but its state. `missing` when there is none. */
  info(id: string, options?: Cancellable): Promise<SnapshotInfo>
  /** The newest of a branch; undefined when there is none. */
  latest(branch: BranchRef, options?: Cancellable): Promise<SnapshotInfo | undefined>
  /**
   * Newest first: by time, in a session by index. Reads no more than it gives. One whose manifest is damaged says so (`damaged`);
   * asked for by `metadata` it is `corrupt`, because nobody can tell whether it is meant.
   */
  list(filter?: SnapshotFilter): AsyncIterable<SnapshotInfo>
  /**
   * Begins a branch, here or in another session: a new snapshot of the same content, which costs no more than its
   * manifest. Without a name, in its own session, the branch is `fork-<index>`, or `fork-<index>-2` and so on where that
   * exists. `conflict` where a branch that was named exists, `missing` where the snapshot does not.
   */
  fork(which: string | BranchRef, target?: ForkTarget): Promise<SnapshotInfo>
  /** Adds a tag, or several. `missing` when there is no such snapshot. */
  tag(id: string, tags: string | readonly string[], options?: Cancellable): Promise<SnapshotInfo>
  /** Takes one tag away, or several; those it does not have are no error. */
  untag(id: string, tags: string | readonly string[], options?: Cancellable): Promise<SnapshotInfo>
  /** Keeps it from `prune`, also from one that has begun and not come to its session yet. */
  pin(id: string, options?: Cancellable): Promise<SnapshotInfo>
  unpin(id: string, options?: Cancellable): Promise<SnapshotInfo>
  /**
   * Checks one snapshot or all of them, as deep as `level` says, and of a damaged one which parts are lost. Damage is
   * reported, never thrown. `invalid` for a bad level or cursor.
   */
  verify(options?: VerifyOptions): Promise<SnapshotReport>
  verify(id: string | undefined, options?: VerifyOptions): Promise<SnapshotReport>
  /** Deletes one, or a whole session. What is not there is no error. Indexes are not used again; room is freed by the next collection. */
  delete(which: string | SessionRef, options?: Cancellable): Promise<void>
  /**
   * Deletes what no rule of the policy keeps, never all of a branch; twice is no more than once. The report has the reasons.
   * Pins, tags and snapshots that come meanwhile count. `invalid` for a policy without a rule.
   */
  prune(policy: PrunePolicy, options?: PruneOptions): Promise<PruneReport>
  /**
   * Takes away what no snapshot reaches, while others save and read: chunks, and what cut saves left. Packs with more than a
   * fifth of waste, and many small ones, are written anew. May be cut and called again. `corrupt` or `missing` where a
   * snapshot cannot be read: repair or delete it first. `fenced` where another collection began.
   */
  collect(options?: CollectOptions): Promise<CollectReport>
  /**
   * Makes anew what is damaged, from what is left and from another store (`from`: a copy, for example), and names the exact
   * parts that are lost. Damaged blobs are copied to `snapshots/quarantine/` first. Others may be saving meanwhile.
   */
  repair(options?: RepairOptions<Store | Backend>): Promise<RepairReport>
  /**
   * Copies snapshots to another store under their ids, sessions and branches, oldest first; chunks that are there are not
   * stored again. What is there is skipped, so that a copy which was cut goes on by being called again. With `dryRun` it says
   * what would be copied, and reads no more than it takes to know that.
   */
  copy(target: Store | Backend, options?: CopyOptions): Promise<CopyReport>
  /**
   * Snapshots as one streamed, checked archive, encrypted when asked: each chunk once, ids, labels and branches kept. Those that
   * come later are not in it, those that are deleted meanwhile may not be. Nothing is read before the stream is. The stream
   * fails with `corrupt` where a state is damaged.
   */
  export(options?: SnapshotExportOptions): ReadableStream<Uint8Array>
  /**
   * Takes the snapshots of an archive, also of one of a whole store, under their ids; every chunk is proved. What is there is
   * skipped, so that an import which was cut goes on by being called again. `corrupt` for an archive that is damaged or cut,
   * `denied` for the wrong passphrase or key, `conflict` where a collection took what was not imported yet: call it again.
   */
  import(source: ArchiveSource, options?: SnapshotImportOptions): Promise<SnapshotImportReport>
  /** Saves what `state` gives, by the clock, until it is stopped or the snapshots are closed. `invalid` for a bad branch or period, `unsupported` where nothing may run between requests. */
  auto(state: () => State | Promise<State>, options: AutoOptions): Promise<AutoSave>
  /**
   * Calls back for each snapshot saved or deleted from now on, here or elsewhere: at once through this object, within
   * about a second otherwise (only through this object where nothing may run between requests). Returns how to stop.
   */
  watch(listener: (change: SnapshotChange) => void): () => void
  /**
   * Gives each snapshot that is saved, as `watch` hears of it; with `after`, first those that were saved since: in their
   * session in order, among sessions by time (those of the same millisecond may come again). Ends when the signal aborts.
   */
  subscribe(options?: SubscribeOptions): AsyncIterable<SnapshotInfo>
  close(): Promise<void>
}
