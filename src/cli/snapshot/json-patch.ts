// A JSON Patch (RFC 6902) step by step, with what was there before each step: for people who read it.

import { StorageError } from '../../core/base/errors.js'
import type { PatchOperation } from '../../core/features/snapshots/read-types.js'

/** What one operation did to a place: `before` and `after` are undefined where nothing was there. */
export interface PatchStep {
  readonly path: string
  readonly before: unknown
  readonly after: unknown
  /** Where the value came from, of a move or copy. */
  readonly from?: string
}

interface Root {
  value: unknown
}

/** Changes `state` on the way. Its tests are passed over. */
export function* patchSteps(state: unknown, patch: readonly PatchOperation[]): Generator<PatchStep> {
  const root: Root = { value: state }
  for (const operation of patch) {
    const { op, path } = operation
    if (op === 'test') continue
    const isReplaced = op === 'remove' || op === 'replace' || !isInList(root, path)
    const before = isReplaced ? valueAt(root, path) : undefined
    if (op === 'remove') {
      put(root, path, undefined)
      yield { path, before, after: undefined }
      continue
    }
    const after = 'from' in operation ? structuredClone(valueAt(root, operation.from)) : operation.value
    if (op === 'move') put(root, operation.from, undefined)
    put(root, path, after, op === 'replace')
    yield { path, before, after, ...('from' in operation ? { from: operation.from } : {}) }
  }
}

function valueAt(root: Root, path: string): unknown {
  return stepsOf(path).reduce((at, step) => child(at, step), root.value)
}

function child(at: unknown, step: string): unknown {
  if (Array.isArray(at)) return at[Number(step)]
  return typeof at === 'object' && at !== null && Object.hasOwn(at, step) ? (at as Record<string, unknown>)[step] : undefined
}

function isInList(root: Root, path: string): boolean {
  return path !== '' && Array.isArray(valueAt(root, path.slice(0, path.lastIndexOf('/'))))
}

/** Takes the value away for undefined; in a list it goes between two items, unless it replaces one. */
function put(root: Root, path: string, value: unknown, isReplacing = false): void {
  const steps = stepsOf(path)
  const last = steps.pop()
  if (last === undefined) {
    root.value = value
    return
  }
  const holder = steps.reduce((at, step) => child(at, step), root.value)
  if (Array.isArray(holder)) {
    const at = last === '-' ? holder.length : Number(last)
    holder.splice(at, value === undefined || isReplacing ? 1 : 0, ...(value === undefined ? [] : [value]))
  } else if (typeof holder !== 'object' || holder === null) {
    throw new StorageError('corrupt', 'the difference does not belong to the snapshot', { facts: { path } })
  } else if (value === undefined) {
    delete (holder as Record<string, unknown>)[last]
  } else {
    Object.defineProperty(holder, last, { value, enumerable: true, writable: true, configurable: true })
  }
}

function stepsOf(path: string): string[] {
  const steps = path.split('/').slice(1)
  return steps.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}
