// Places in a JSON value: JSON Pointer (RFC 6901), or the steps of one.

import { StorageError } from '../../base/errors.js'

/** `''` is the whole; `/items/3/name`; `~0` stands for `~` and `~1` for `/` in a key. */
export type JsonPath = string | readonly (string | number)[]

const INDEX = /^(?:0|[1-9][0-9]{0,15})$/

/** `invalid` for a text that is no pointer. */
export function pathSteps(path: JsonPath): readonly string[] {
  if (Array.isArray(path)) return path.map(String)
  if (typeof path !== 'string' || (path !== '' && !path.startsWith('/')) || /~(?![01])/.test(path)) {
    throw new StorageError('invalid', "a path is a JSON Pointer, as '/items/3', or a list of steps", { facts: { path } })
  }
  return path === '' ? [] : path.slice(1).split('/').map(unescapeStep)
}

function unescapeStep(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~')
}

/** A pointer one step longer. */
export function below(pointer: string, step: string | number): string {
  return `${pointer}/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`
}

/** undefined for a step that is no index of a list. */
export function listIndex(step: string): number | undefined {
  return INDEX.test(step) ? Number(step) : undefined
}
