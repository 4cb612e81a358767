// Option shapes that several ports share.

export interface Cancellable {
  readonly signal?: AbortSignal
}

/** `strict`: on the medium before the promise resolves; `relaxed`: the operating system has it. */
export type WriteDurability = 'strict' | 'relaxed'

export interface WriteOptions extends Cancellable {
  readonly durability?: WriteDurability
}

/**
 * How far a stored record has come: `memory` dies with the process, `os` survives the process but maybe not a
 * power failure, `disk` is synced, `remote` is acknowledged by a service.
 */
export type Durability = 'memory' | 'os' | 'disk' | 'remote'

/** Bytes `start` (inclusive) to `end` (exclusive). An `end` past the last byte means "to the end". */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** What holds something open. `close()` may be called twice. */
export interface Closable {
  close(): Promise<void>
}

/** Never in a project whose `lib` is without ESNext.Disposable: such a one has no `await using`, but compiles. */
type AsyncDisposeKey = Extract<SymbolConstructor['asyncDispose' & keyof SymbolConstructor], symbol>

/** Makes `await using` close it, where the language has that. */
export type AsyncDisposal = { readonly [Key in AsyncDisposeKey]: () => Promise<void> }

/** What a user holds open, and ends by `close()` or by leaving the block of `await using`. */
export interface Handle extends Closable, AsyncDisposal {}
