// Where in a value something was found, as a person would write it: `$.items[3].when`.

import { StorageError } from '../base/errors.js'

/** A key, an index, or text that stands as it is (`<key 0>` of a Map). */
export type PathStep = string | number | { readonly text: string }

/** Why a value is refused; the steps to it are added from the innermost out while the walk unwinds. */
export interface ValueFault {
  readonly reason: string
  readonly steps: PathStep[]
}

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u

export function faultAt(reason: string): ValueFault {
  return { reason, steps: [] }
}

export function within(fault: ValueFault, step: PathStep): ValueFault {
  fault.steps.push(step)
  return fault
}

/** From the outermost step in. */
export function formatPath(steps: readonly PathStep[]): string {
  return `$${steps.map(formatStep).join('')}`
}

function formatStep(step: PathStep): string {
  if (typeof step === 'number') return `[${step}]`
  if (typeof step === 'object') return step.text
  return IDENTIFIER.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`
}

/** The `invalid` error for a fault; `advice` ends the sentence. */
export function refuseValue(fault: ValueFault, advice: string): StorageError {
  const path = formatPath([...fault.steps].reverse())
  return new StorageError('invalid', `${path} ${fault.reason}${advice}`, { facts: { path } })
}
