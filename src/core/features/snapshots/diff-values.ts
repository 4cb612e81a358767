// The difference of two values as a JSON Patch (RFC 6902): what turns the first into the second. Objects are compared key by key,
// whatever their order, lists aligned by their items.

import type { Json } from '../../codec/codec.js'
import { isPlainArray, isPlainObject, MAX_DEPTH } from '../../codec/value-kind.js'
import { below } from '../../engine/content/pointer.js'
import { alignLists } from './align.js'
import type { PatchOperation } from './read-types.js'

/** A text that two values have in common only where they are equal. */
export type TextOf = (value: unknown) => string

/** `textOf` compares what is no plain object or list, and the items of lists; the default is for JSON values. */
export function diffValues(a: unknown, b: unknown, textOf: TextOf = JSON.stringify): readonly PatchOperation[] {
  const operations: PatchOperation[] = []
  new ValueDiff(operations, textOf).diff('', a, b)
  return operations
}

export class ValueDiff {
  readonly #textOf: TextOf
  readonly #operations: PatchOperation[]
  /** Of the first value: one that holds itself is not followed for ever. */
  readonly #ancestors: unknown[] = []

  constructor(operations: PatchOperation[], textOf: TextOf) {
    this.#operations = operations
    this.#textOf = textOf
  }

  /** Adds what turns `a`, which stands at `path`, into `b`. */
  diff(path: string, a: unknown, b: unknown): void {
    if (Object.is(a, b)) return
    const isDeep = this.#ancestors.length >= MAX_DEPTH || this.#ancestors.includes(a)
    this.#ancestors.push(a)
    if (!isDeep && isList(a) && isList(b)) this.#lists(path, a, b)
    else if (!isDeep && isRecord(a) && isRecord(b)) this.#records(path, a, b)
    else if (this.#textOf(a) !== this.#textOf(b)) this.#operations.push({ op: 'replace', path, value: b as Json })
    this.#ancestors.pop()
  }

  #records(path: string, a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): void {
    for (const key of Object.keys(a)) if (!Object.hasOwn(b, key)) this.#operations.push({ op: 'remove', path: below(path, key) })
    for (const key of Object.keys(b)) {
      if (Object.hasOwn(a, key)) this.diff(below(path, key), a[key], b[key])
      else this.#operations.push({ op: 'add', path: below(path, key), value: b[key] as Json })
    }
  }

  /** From the left to the right: `index` is the place in what has become of the list so far, and in `b`. */
  #lists(path: string, a: readonly unknown[], b: readonly unknown[]): void {
    let fromA = 0
    let index = 0
    const texts = [a, b].map((list) => list.map((item) => this.#textOf(item))) as [string[], string[]]
    for (const { same, removed, added } of alignLists(...texts)) {
      const paired = Math.min(removed, added)
      for (let pair = 0; pair < paired; pair++) this.diff(below(path, index + pair), a[fromA + pair], b[index + pair])
      for (let left = removed - paired; left > 0; left--) this.#operations.push({ op: 'remove', path: below(path, index + paired) })
      for (let more = paired; more < added; more++) {
        this.#operations.push({ op: 'add', path: below(path, index + more), value: b[index + more] as Json })
      }
      fromA += same + removed
      index += same + added
    }
  }
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && isPlainArray(value)
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && isPlainObject(value)
}
