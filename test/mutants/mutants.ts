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
  /** Below test/; a folder stands for all in it. */
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
    name: 'no CRC: the checksum of a stored blob is not compared',
    patches: [{ file: 'core/codec/envelope.js', find: 'if (actual !== expected)', replace: 'if (false)' }],
    tests: ['unit/kv/kv-memory.test.ts'],
  },
  {
    name: 'no fsync: an append is acknowledged before the log is synced',
    patches: [{ file: 'core/engine/file-log.js', find: "await active.file.sync('strict');", replace: '' }],
    tests: ['crash/'],
  },
  {
    name: 'no CRC: the body of a frame is not compared with its checksum',
    patches: [{ file: 'core/codec/frame.js', find: 'crc32c(bytes, start, end) !== header.bodyCrc || ', replace: '' }],
    tests: ['crash/'],
  },
  {
    name: 'no fence: a log does not look whether a newer writer took it over',
    patches: [
      { file: 'core/engine/file-log.js', find: '(stored?.epoch ?? 0) > manifest.epoch', replace: 'false' },
      { file: 'core/engine/group-commit.js', find: 'await log.sync();\n            await checkFence();', replace: 'await log.sync();' },
    ],
    tests: ['crash/'],
  },
]
