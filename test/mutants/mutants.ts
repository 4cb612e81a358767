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
    name: 'no CRC: the checksum of a stored blob is not compared',
    patches: [{ file: 'core/codec/envelope.js', find: 'if (actual !== expected)', replace: 'if (false)' }],
    tests: ['unit/kv/kv-memory.test.ts'],
  },
]
