// The web standards that every runtime has, and nothing else: core is compiled against these alone,
// so the compiler proves that it names no runtime. Not part of the published types.

interface AbortSignal {
  readonly aborted: boolean
  readonly reason: unknown
  throwIfAborted(): void
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
}
declare const AbortSignal: { abort(reason?: unknown): AbortSignal }
declare class AbortController {
  readonly signal: AbortSignal
  abort(reason?: unknown): void
}
declare class TextEncoder {
  encode(text: string): Uint8Array<ArrayBuffer>
  encodeInto(text: string, into: Uint8Array): { read: number; written: number }
}
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean })
  decode(bytes?: Uint8Array): string
}
declare function structuredClone<T>(value: T): T
declare function queueMicrotask(run: () => void): void
interface ReadableStreamDefaultReader<Piece> {
  read(): Promise<{ readonly done: false; readonly value: Piece } | { readonly done: true; readonly value?: Piece | undefined }>
  cancel(reason?: unknown): Promise<void>
  releaseLock(): void
}
interface ReadableStreamDefaultController<Piece> {
  enqueue(piece: Piece): void
  close(): void
  error(reason?: unknown): void
}
declare class ReadableStream<Piece> {
  constructor(
    source?: {
      pull?(controller: ReadableStreamDefaultController<Piece>): void | PromiseLike<void>
      cancel?(reason?: unknown): void | PromiseLike<void>
    },
    strategy?: { readonly highWaterMark?: number },
  )
  getReader(): ReadableStreamDefaultReader<Piece>
  cancel(reason?: unknown): Promise<void>
}
