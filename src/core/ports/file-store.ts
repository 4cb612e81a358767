// Appendable files with an explicit sync: the file system in Node, OPFS in a dedicated worker.

import type { ByteRange, Closable, WriteDurability } from './options.js'

export interface OpenFileOptions {
  /** `append` creates the file when it is missing and keeps what is in it; `read` never changes anything. */
  readonly mode: 'append' | 'read'
  /** A hint: room to set aside, beyond the logical end. */
  readonly reserveBytes?: number
  readonly signal?: AbortSignal
}

export interface FileStore {
  /**
   * Identity of the running system since its last boot, or undefined where nothing tells it. Equal ids mean that
   * the page cache was never lost in between, so that writes cannot have been reordered.
   */
  bootId(): Promise<string | undefined>
  /** `missing` when the file is not there and mode is `read`. */
  open(path: string, options: OpenFileOptions): Promise<AppendFile>
  /** Idempotent. */
  delete(path: string): Promise<void>
  /** Ascending by path. */
  list(prefix: string): AsyncIterable<{ readonly path: string; readonly size: number }>
}

/** Bytes that can be read from any place on. */
export interface ByteSource extends Closable {
  /** The logical end, also in a preallocated file. */
  readonly size: number
  /** Fewer bytes where the range passes the end. `memory` may be asked once for room for them: so many bytes, or more. */
  read(range: ByteRange, memory?: (bytes: number) => Uint8Array): Promise<Uint8Array>
}

export interface AppendFile extends ByteSource {
  /** Writes at the logical end and says where the bytes begin; readable at once. The bytes may be reused when it settles. */
  append(bytes: Uint8Array): Promise<number>
  /**
   * `strict`: everything appended before the call is on disk, and the file's name too; `relaxed`: it survives this process.
   * A failure is final: the caller must not trust this handle again (Linux reports a lost page only once).
   */
  sync(durability: WriteDurability): Promise<void>
}
