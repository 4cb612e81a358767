// Ways to break the code that the tests must notice. A mutant changes the built code in a few places; `tests` are the files
// that have to fail then. Each patch must fit exactly once, so that a mutant cannot go stale unseen.

export interface Patch {
  /** Below dist/. */
  readonly file: string
  readonly find: string
  readonly replace: string
}

export interface Mutant {
  readonly name: string
  readonly patches: readonly Patch[]
  /** Below test/. */
  readonly tests: readonly string[]
}

export const mutants: readonly Mutant[] = [
  {
    name: 'no fsync: files are never synced',
    patches: [{ file: 'adapters/node-fs/files.js', find: 'await this.#syncDataAndName();', replace: '' }],
    tests: ['conformance/node-fs-syncs.test.ts'],
  },
  {
    name: 'no fence: an owner never learns that it lost the directory',
    patches: [{ file: 'adapters/node-fs/directory-lock.js', find: 'if (!existsSync(this.#next) && existsSync(this.#file))', replace: '' }],
    tests: ['conformance/node-fs-lock.test.ts'],
  },
  {
    name: 'a living owner of a directory is taken for dead',
    patches: [{ file: 'adapters/node-fs/directory-lock.js', find: "return verdict === 'dead' ||", replace: 'return true ||' }],
    tests: ['conformance/node-fs-lock.test.ts'],
  },
  {
    name: 'no CRC: the checksum of a stored blob is not compared',
    patches: [{ file: 'core/codec/envelope.js', find: 'if (actual !== expected)', replace: 'if (false)' }],
    tests: ['unit/kv/kv-memory.test.ts'],
  },
  {
    name: 'a put with a version ignores it',
    patches: [{ file: 'core/features/kv/compare-and-set.js', find: 'const options = { when,', replace: 'const options = {' }],
    tests: ['histories/kv-histories.test.ts'],
  },
  {
    name: 'no fsync: an append is acknowledged before the log is synced',
    patches: [{ file: 'core/engine/file-log.js', find: "await active.file.sync('strict');", replace: '' }],
    tests: ['crash/crash-states.test.ts'],
  },
  {
    name: 'a manifest names a segment that is not synced',
    patches: [
      {
        file: 'core/engine/file-segments.js',
        find: "await file.append(control.bytes);\n            await file.sync('strict');",
        replace: 'await file.append(control.bytes);',
      },
    ],
    tests: ['crash/crash-states.test.ts'],
  },
  {
    name: 'a torn tail is called corrupt',
    patches: [
      { file: 'core/engine/segment-scan.js', find: 'if (durable > scanned.next ||', replace: 'if (scanned.fault !== undefined ||' },
    ],
    tests: ['crash/crash-states.test.ts'],
  },
  {
    name: 'what is corrupt is called a torn tail',
    patches: [
      { file: 'core/engine/segment-scan.js', find: 'if (durable > scanned.next || (sameBoot && rest.frames > 0))', replace: 'if (false)' },
    ],
    tests: ['crash/damage.test.ts'],
  },
  {
    name: 'no CRC: the body of a frame is not compared with its checksum',
    patches: [{ file: 'core/codec/frame.js', find: 'crc32c(bytes, start, end) !== header.bodyCrc || ', replace: '' }],
    tests: ['crash/damage.test.ts'],
  },
  {
    name: 'no durable mark: frames do not say how far the log was synced',
    patches: [{ file: 'core/codec/frame.js', find: 'fields.baseOffset - fields.durable', replace: 'fields.baseOffset' }],
    tests: ['crash/damage.test.ts'],
  },
  {
    name: 'no salt: the checksum of a frame holds for every file',
    patches: [{ file: 'core/codec/frame.js', find: 'crc32c(salt)', replace: '0' }],
    tests: ['golden/golden.test.ts'],
  },
  {
    name: 'no fence: a log does not look whether a newer writer took it over',
    patches: [
      { file: 'core/engine/file-log.js', find: '(stored?.epoch ?? 0) > manifest.epoch', replace: 'false' },
      { file: 'core/engine/group-commit.js', find: 'await log.sync();\n            await checkFence();', replace: 'await log.sync();' },
    ],
    tests: ['crash/faults.test.ts'],
  },
  {
    name: 'the epoch of a log is not raised',
    patches: [{ file: 'core/engine/log-manifest.js', find: 'manifest.epoch + 1', replace: 'Math.max(1, manifest.epoch)' }],
    tests: ['crash/faults.test.ts'],
  },
  {
    name: 'a put of a cell that was done after its time-out is made once more',
    patches: [{ file: 'core/engine/cell.js', find: 'if (current.writeIds.some((id) => tries.has(id)))', replace: 'if (false)' }],
    tests: ['unit/engine/cell.test.ts'],
  },
  {
    name: 'a group goes on from what it made, although others wrote behind a lost answer',
    patches: [
      {
        file: 'core/engine/group-cell-store.js',
        find: 'made === undefined || made === now ? cell.version : undefined',
        replace: 'cell.version',
      },
    ],
    tests: ['histories/edges.test.ts'],
  },
  {
    name: 'a group delivers, and acknowledges, before that is stored',
    patches: [
      {
        file: 'core/engine/group-log-store.js',
        find: 'await this.#store(state, delta);',
        replace: 'this.#store(state, delta).catch(() => {});',
      },
    ],
    tests: ['crash/crash-states.test.ts'],
  },
  {
    name: 'what ids and producers said is forgotten with the records that are trimmed',
    patches: [
      {
        file: 'core/engine/append-history.js',
        find: 'if (table.upTo > this.#checkpoint)\n            await this.#store(table, epoch);',
        replace: '',
      },
    ],
    tests: ['unit/queue/once.test.ts'],
  },
  {
    name: 'a chunk whose answer was lost is not known again',
    patches: [
      {
        file: 'core/engine/chunk-writer.js',
        find: "equalBytes(chunkWriteId(found.data), writeId) ? 'stored' : 'other'",
        replace: "'other'",
      },
    ],
    tests: ['crash/faults.test.ts'],
  },
  {
    name: 'a repair does not fence the damaged end of a log of chunks',
    patches: [{ file: 'core/engine/doctor/examine-chunks.js', find: 'isEndLost: this.#open !== undefined', replace: 'isEndLost: false' }],
    tests: ['unit/doctor/chunks.test.ts'],
  },
  {
    name: 'a record is delivered while one of its key is out',
    patches: [{ file: 'core/engine/group-state.js', find: '(key !== undefined && this.#pending.hasKey(key))', replace: 'false' }],
    tests: ['unit/engine/group-state.test.ts'],
  },
  {
    name: 'what a group changed and could not store counts all the same',
    patches: [{ file: 'core/engine/group-log-store.js', find: 'this.#state = undefined; // what is stored is read again', replace: '' }],
    tests: ['unit/engine/group-logs.test.ts'],
  },
  {
    name: 'changes of a group count behind a gap',
    patches: [{ file: 'core/engine/group-log-store.js', find: 'offset !== this.next', replace: 'false' }],
    tests: ['unit/doctor/doctor.test.ts'],
  },
  {
    name: 'a dead letter has no id: a crash stores it twice',
    patches: [{ file: 'core/features/queue/dead-record.js', find: '...headers], id, ...stored', replace: '...headers], ...stored' }],
    tests: ['unit/queue/dead-letters.test.ts'],
  },
  {
    name: 'a record is acknowledged before its dead letter is stored',
    patches: [
      {
        file: 'core/features/queue/dead-letter-box.js',
        find: 'const appends = spent.map(',
        replace:
          "await ports[bucket].settle(spent.map(({ record, attempt }) => ({ offset: record.offset, attempt, action: 'ack' })));\n        const appends = spent.map(",
      },
    ],
    tests: ['unit/queue/dead-letters.test.ts'],
  },
  {
    name: 'a dead letter is put back without an id',
    patches: [
      {
        file: 'core/features/queue/dead-record.js',
        find: 'headers: usersHeaders(record), id, ...stored',
        replace: 'headers: usersHeaders(record), ...stored',
      },
    ],
    tests: ['unit/queue/dead-letters.test.ts'],
  },
  {
    name: 'process resolves before its acknowledgements are stored',
    patches: [{ file: 'core/features/queue/process.js', find: 'await this.#acks.drained();', replace: '' }],
    tests: ['conformance/queue.test.ts'],
  },
  {
    name: 'a collection deletes packs before what they hold is copied',
    patches: [{ file: 'core/engine/content/collect.js', find: 'isLive: (id) => this.#marks.has(id),', replace: 'isLive: () => false,' }],
    tests: ['crash/snapshot-states.test.ts'],
  },
  {
    name: 'who saves relies on packs that are going to be deleted',
    patches: [{ file: 'core/engine/content/pack-batch.js', find: '!collection.doomed.has(name)', replace: 'true' }],
    tests: ['unit/content/collect.test.ts'],
  },
  {
    name: 'a snapshot is committed although a collection has stamped its session',
    patches: [
      { file: 'core/features/snapshots/commit.js', find: 'if (seen.swept > epoch)', replace: 'if (false)' },
      { file: 'core/features/snapshots/commit.js', find: 'if (state.swept > epoch)', replace: 'if (false)' },
    ],
    tests: ['unit/snapshots/commit-races.test.ts'],
  },
  {
    name: 'a snapshot exists before its manifest does',
    patches: [
      {
        file: 'core/features/snapshots/commit.js',
        find: 'await putManifests(place, made, drafts);',
        replace: 'setImmediate(() => putManifests(place, made, drafts));',
      },
    ],
    tests: ['unit/snapshots/crash.test.ts'],
  },
  {
    name: 'what was compressed is not inflated and compared',
    patches: [{ file: 'core/codec/compression-set.js', find: 'if (packed.compression === 0 ||', replace: 'if (true ||' }],
    tests: ['unit/snapshots/commit-races.test.ts'],
  },
]
