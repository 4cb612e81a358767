// What a tracer is told of the verbs: names of agents, sessions and branches, ids, sizes and counts; nothing of a state.

import { type AddToSpan, type Trace, type TraceAttributes, traced } from '../../base/trace.js'
import type { BranchRef, SnapshotInfo } from './types.js'

export class Spans {
  readonly #trace: Trace | undefined
  readonly #backend: string

  /** `backend` is its name. Without a tracer there are no spans. */
  constructor(trace: Trace | undefined, backend: string) {
    this.#trace = trace
    this.#backend = backend
  }

  /** `run` begins at once. `about` may still be wrong in any way: it has not been checked. */
  run<Result>(
    operation: string,
    { about, signal }: { readonly about?: string | Partial<BranchRef> | undefined; readonly signal?: AbortSignal | undefined },
    run: (add: AddToSpan) => Promise<Result>,
  ): Promise<Result> {
    if (this.#trace === undefined) return run(() => {})
    const attributes = { backend: this.#backend, ...namesIn(about) }
    return traced(this.#trace, { name: `snapshots.${operation}`, attributes, signal }, run)
  }

  /** From the first piece that is asked for to the last. */
  async *pieces(operation: string, signal: AbortSignal | undefined, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let bytes = 0
    let isWhole = false
    let end = (): void => {}
    let fail: (error: unknown) => void = end
    const ended = new Promise<void>((resolve, reject) => {
      end = resolve
      fail = reject
    })
    const span = this.run(operation, { signal }, async (add) => {
      await ended
      add(isWhole ? { bytes } : { bytes, aborted: true })
    })
    try {
      for await (const piece of source) {
        bytes += piece.length
        yield piece
      }
      isWhole = true
    } catch (error) {
      fail(error)
      throw error
    } finally {
      end()
      await span.catch(() => {})
    }
  }
}

export function sizesOf({ id, bytes, storedBytes, compression }: SnapshotInfo): TraceAttributes {
  return { id, bytes, storedBytes, compression }
}

export function sizesOfAll(infos: readonly SnapshotInfo[]): TraceAttributes {
  const sum = (field: 'bytes' | 'storedBytes'): number => infos.reduce((total, info) => total + info[field], 0)
  return { snapshots: infos.length, bytes: sum('bytes'), storedBytes: sum('storedBytes') }
}

function namesIn(about: string | Partial<BranchRef> | undefined): TraceAttributes {
  if (typeof about === 'string') return { id: about }
  const names = ['agent', 'session', 'branch'] as const
  return Object.fromEntries(names.flatMap((name) => (typeof about?.[name] === 'string' ? [[name, about[name]]] : [])))
}
