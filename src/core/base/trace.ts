// Spans: what takes long is run inside of a tracer's, whichever tracer that is.

import { outcomeOf, quietly } from './outcome.js'

export type TraceAttributes = { readonly [name: string]: string | number | boolean }

/** Adds what is known later to a span. */
export type AddToSpan = (more: TraceAttributes) => void

/**
 * Runs `run` within a span of that name and gives what it gives. What is known at the end only comes through `add`; so does
 * why it failed, as `error` (a code of StorageError, or `unknown`), or `aborted: true` where its signal ended it. What a tracer
 * throws itself is dropped.
 */
export type Trace = <Result>(name: string, attributes: TraceAttributes, run: (add: AddToSpan) => Promise<Result>) => Promise<Result>

export interface SpanStart {
  readonly name: string
  readonly attributes: TraceAttributes
  /** Of what is run. */
  readonly signal?: AbortSignal | undefined
}

/** `run` begins at once and runs once, whatever the tracer does; its outcome is its own. Resolves when the tracer's promise has settled too. */
export async function traced<Result>(trace: Trace, start: SpanStart, run: (add: AddToSpan) => Promise<Result>): Promise<Result> {
  const known: TraceAttributes[] = []
  let toSpan: AddToSpan | undefined
  const add: AddToSpan = (more) => {
    known.push(more)
    quietly(() => toSpan?.(more))
  }
  let running: Promise<Result> | undefined
  const begin = (): Promise<Result> => {
    running ??= run(add).catch((error: unknown) => {
      add({ ...outcomeOf(error, start.signal) })
      throw error
    })
    return running
  }
  const told = tracedBy(() =>
    trace(start.name, start.attributes, (addTo) => {
      for (const more of known) quietly(() => addTo(more))
      toSpan = addTo
      return begin()
    }),
  )
  await Promise.allSettled([begin(), told])
  return await begin()
}

async function tracedBy(trace: () => Promise<unknown>): Promise<void> {
  await trace()
}
