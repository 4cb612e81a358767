// What a log must look like to its clients: offsets without gaps, each given once; an append or a refusal fits where the log
// ends at some moment of the call; what is read is what stands there for good.

import { type Call, isLinearizable } from './linearizability.js'

export type LogDoes =
  | { readonly kind: 'appended'; readonly first: number; readonly values: readonly string[] }
  /** `conflict`: the log did not end there. */
  | { readonly kind: 'refused'; readonly expected: number }
  | { readonly kind: 'read'; readonly from: number; readonly values: readonly string[] }
  | { readonly kind: 'ends'; readonly next: number }
  /** An append that failed in a way that does not tell whether it was stored. */
  | { readonly kind: 'unknown'; readonly values: readonly string[] }

const model = {
  initial: 0,
  step(next: number, does: LogDoes): number | undefined {
    switch (does.kind) {
      case 'appended':
        return does.first === next ? next + does.values.length : undefined
      case 'refused':
        return does.expected === next ? undefined : next
      case 'ends':
        return does.next === next ? next : undefined
      case 'read': {
        const fits = does.values.length === 0 ? next <= does.from : next >= does.from + does.values.length
        return fits ? next : undefined
      }
      case 'unknown':
        return undefined
    }
  },
}

/** What is wrong with the history of a bucket that ended up as `content`; undefined when nothing is. */
export function faultOf(calls: readonly Call<LogDoes>[], content: readonly string[]): string | undefined {
  if (new Set(content).size !== content.length) return 'a value is stored twice'
  const known = calls.flatMap((call) => settle(call, content))
  const isKnown = new Set(calls.flatMap(({ does }) => (does.kind === 'appended' || does.kind === 'unknown' ? does.values : [])))
  const stranger = content.find((value) => !isKnown.has(value))
  if (stranger !== undefined) return `nobody appended ${stranger}`
  for (const { does } of known) {
    if (does.kind !== 'appended' && does.kind !== 'read') continue
    const at = does.kind === 'appended' ? does.first : does.from
    const found = content.slice(at, at + does.values.length)
    if (found.join() !== does.values.join()) return `${does.kind} ${does.values.join()} at ${at}, found ${found.join()}`
  }
  return isLinearizable(known, model) ? undefined : 'no order of the calls gives these answers'
}

/** The end of the story tells where an append of unknown outcome went, if anywhere. */
function settle(call: Call<LogDoes>, content: readonly string[]): readonly Call<LogDoes>[] {
  if (call.does.kind !== 'unknown') return [call]
  const { values } = call.does
  const first = content.indexOf(values[0] as string)
  return first === -1 ? [] : [{ ...call, does: { kind: 'appended', first, values } }]
}
