// The bytes of structured-format.ts to values. Bytes may come from anyone: every length is checked against what is left
// before anything is allocated, depth is bounded, no code of the data's choosing runs and no prototype can be reached.

import { fromUtf8, toHex, viewOf } from '../base/bytes.js'
import { StorageError } from '../base/errors.js'
import { ERROR_CLASSES, HIDDEN_ERROR_PROPERTIES, STRUCTURED_VERSION, TAG, VIEW_KINDS } from './structured-format.js'
import { MAX_DEPTH } from './value-kind.js'
import { ByteCursor } from './varint.js'

export function decodeStructured(bytes: Uint8Array): unknown {
  if (bytes.length > 0 && (bytes[0] as number) > STRUCTURED_VERSION) {
    const facts = { format: bytes[0], newestKnown: STRUCTURED_VERSION }
    throw new StorageError('unsupported', 'a structured value of a newer version', { facts })
  }
  try {
    const decoder = new Decoder(bytes)
    return decoder.whole()
  } catch (cause) {
    throw new StorageError('corrupt', 'stored bytes are not a structured value', { cause, facts: { bytes: bytes.length } })
  }
}

class Decoder {
  readonly #in: ByteCursor
  readonly #objects: object[] = []

  constructor(bytes: Uint8Array) {
    this.#in = new ByteCursor(bytes)
  }

  whole(): unknown {
    if (this.#in.byte() !== STRUCTURED_VERSION) throw new RangeError('no version')
    const value = this.#value(0)
    if (this.#in.at !== this.#in.end) throw new RangeError('bytes after the end')
    return value
  }

  #value(depth: number): unknown {
    const tag = this.#in.byte()
    switch (tag) {
      case TAG.undefined:
        return undefined
      case TAG.null:
        return null
      case TAG.false:
        return false
      case TAG.true:
        return true
      case TAG.positive:
        return this.#in.varint()
      case TAG.negative:
        return -this.#in.varint()
      case TAG.double:
        return this.#double()
      case TAG.text:
      case TAG.units:
        return this.#text(tag)
      case TAG.bigint:
        return this.#bigint()
      case TAG.negativeBigint:
        return -this.#bigint()
      case TAG.reference:
        return this.#reference()
      default:
        if (depth >= MAX_DEPTH) throw new RangeError('too deep')
        return this.#object(tag, depth)
    }
  }

  #object(tag: number, depth: number): object {
    switch (tag) {
      case TAG.object:
        return this.#properties(this.#keep({}), depth)
      case TAG.dictionary:
        return this.#properties(this.#keep(Object.create(null) as object), depth)
      case TAG.array:
        return this.#array(depth)
      case TAG.sparseArray:
        return this.#sparseArray(depth)
      case TAG.date:
        return this.#keep(new Date(this.#double()))
      case TAG.regExp:
        return this.#regExp()
      case TAG.map:
        return this.#map(depth)
      case TAG.set:
        return this.#set(depth)
      case TAG.buffer:
        return this.#keep(this.#copy().buffer)
      case TAG.view:
        return this.#view()
      case TAG.error:
        return this.#error(depth)
      default:
        throw new RangeError(`unknown tag ${tag}`)
    }
  }

  #keep<T extends object>(value: T): T {
    this.#objects.push(value)
    return value
  }

  #reference(): object {
    const value = this.#objects[this.#in.varint()]
    if (value === undefined) throw new RangeError('a reference to nothing')
    return value
  }

  #double(): number {
    return viewOf(this.#in.take(8)).getFloat64(0, true)
  }

  #text(tag = this.#in.byte()): string {
    if (tag === TAG.text) return fromUtf8(this.#in.take(this.#in.varint()))
    if (tag !== TAG.units) throw new RangeError('not a text')
    const units = viewOf(this.#in.take(this.#in.varint() * 2))
    const parts: string[] = []
    for (let at = 0; at < units.byteLength; at += 2) parts.push(String.fromCharCode(units.getUint16(at, true)))
    return parts.join('')
  }

  #bigint(): bigint {
    const bytes = this.#in.take(this.#in.varint())
    return bytes.length === 0 ? 0n : BigInt(`0x${toHex(bytes)}`)
  }

  /** A count of things of at least `bytesEach` bytes that still lie ahead. */
  #count(bytesEach: number): number {
    const count = this.#in.varint()
    if (count * bytesEach > this.#in.end - this.#in.at) throw new RangeError('a count past the end')
    return count
  }

  #copy(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#in.take(this.#in.varint()))
  }

  #properties<T extends object>(into: T, depth: number): T {
    for (let left = this.#count(3); left > 0; left--) {
      const key = this.#text()
      define(into, key, this.#value(depth + 1), true)
    }
    return into
  }

  #array(depth: number): unknown[] {
    const items = this.#keep<unknown[]>([])
    for (let left = this.#count(1); left > 0; left--) items.push(this.#value(depth + 1))
    return items
  }

  #sparseArray(depth: number): unknown[] {
    const items = this.#keep<unknown[]>([])
    const length = this.#in.varint()
    if (length > 0) {
      // A far index makes the array sparse at once; setting the length would allocate all of it.
      items[length - 1] = undefined
      delete items[length - 1]
    }
    if (items.length !== length) throw new RangeError('not the length of an array')
    for (let left = this.#count(3); left > 0; left--) {
      const key = this.#text()
      if (key === 'length') throw new RangeError('a second length')
      define(items, key, this.#value(depth + 1), true)
    }
    if (items.length !== length) throw new RangeError('an index past the length')
    return items
  }

  #regExp(): RegExp {
    const source = this.#text()
    return this.#keep(new RegExp(source, this.#text()))
  }

  #map(depth: number): Map<unknown, unknown> {
    const map = this.#keep(new Map<unknown, unknown>())
    for (let left = this.#count(2); left > 0; left--) {
      const key = this.#value(depth + 1)
      map.set(key, this.#value(depth + 1))
    }
    return map
  }

  #set(depth: number): Set<unknown> {
    const set = this.#keep(new Set<unknown>())
    for (let left = this.#count(1); left > 0; left--) set.add(this.#value(depth + 1))
    return set
  }

  #view(): object {
    const name = VIEW_KINDS[this.#in.byte()]
    const View = name === undefined ? undefined : (globalThis as unknown as Record<string, ViewConstructor | undefined>)[name]
    if (View === undefined) throw new RangeError('a view of a kind that does not exist here')
    return this.#keep(new View(this.#copy().buffer))
  }

  #error(depth: number): Error {
    const name = this.#text() as (typeof ERROR_CLASSES)[number]
    if (!ERROR_CLASSES.includes(name)) throw new RangeError('an unknown class of error')
    const error = this.#keep(name === 'AggregateError' ? new AggregateError([]) : new (errorClass(name))())
    for (const hidden of HIDDEN_ERROR_PROPERTIES) Reflect.deleteProperty(error, hidden)
    for (let left = this.#count(3); left > 0; left--) {
      const key = this.#text()
      define(error, key, this.#value(depth + 1), !HIDDEN_ERROR_PROPERTIES.includes(key) && key !== 'name')
    }
    return error
  }
}

type ViewConstructor = new (buffer: ArrayBuffer) => object

function errorClass(name: string): ErrorConstructor {
  return (globalThis as unknown as Record<string, ErrorConstructor>)[name] as ErrorConstructor
}

/** An own property whatever the key: an assignment to `__proto__` would reach the prototype. */
function define(into: object, key: string, value: unknown, enumerable: boolean): void {
  if (enumerable && key !== '__proto__' && !(into instanceof Error)) (into as Record<string, unknown>)[key] = value
  else Object.defineProperty(into, key, { value, enumerable, writable: true, configurable: true })
}
