// Values to the bytes of structured-format.ts, in one walk. What cannot be kept ends it with the path to the place.

import { fromHex } from '../base/bytes.js'
import { ByteWriter } from './byte-writer.js'
import { ERROR_CLASSES, HIDDEN_ERROR_PROPERTIES, STRUCTURED_VERSION, TAG, VIEW_KINDS } from './structured-format.js'
import { builtInName, classOf, isPlainArray, isPlainObject, MAX_DEPTH } from './value-kind.js'
import { faultAt, type PathStep, refuseValue, type ValueFault, within } from './value-path.js'

type Fault = ValueFault | undefined
const LONE_SURROGATE = /\p{Cs}/u

export function encodeStructured(value: unknown): Uint8Array {
  const encoder = new Encoder()
  const fault = encoder.write(value, 0)
  if (fault !== undefined) throw refuseValue(fault, '')
  return encoder.finish()
}

class Encoder {
  readonly #out = new ByteWriter()
  readonly #seen = new Map<object, number>()

  constructor() {
    this.#out.byte(STRUCTURED_VERSION)
  }

  finish(): Uint8Array {
    return this.#out.finish()
  }

  write(value: unknown, depth: number): Fault {
    switch (typeof value) {
      case 'string':
        return this.#text(value)
      case 'number':
        return this.#number(value)
      case 'boolean':
        return this.#tag(value ? TAG.true : TAG.false)
      case 'undefined':
        return this.#tag(TAG.undefined)
      case 'bigint':
        return this.#bigint(value)
      case 'object':
        return value === null ? this.#tag(TAG.null) : this.#object(value, depth)
      default:
        return faultAt(`is a ${typeof value}, which cannot be stored`)
    }
  }

  #tag(tag: number): undefined {
    this.#out.byte(tag)
  }

  #number(value: number): undefined {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      this.#out.byte(TAG.double)
      this.#out.double(value)
      return
    }
    this.#out.byte(value < 0 ? TAG.negative : TAG.positive)
    this.#out.varint(Math.abs(value))
  }

  #text(value: string): undefined {
    if (!LONE_SURROGATE.test(value)) {
      this.#out.byte(TAG.text)
      this.#out.text(value)
      return
    }
    this.#out.byte(TAG.units)
    this.#out.varint(value.length)
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i)
      this.#out.byte(unit & 0xff)
      this.#out.byte(unit >>> 8)
    }
  }

  #bigint(value: bigint): undefined {
    const digits = (value < 0n ? -value : value).toString(16)
    this.#out.byte(value < 0n ? TAG.negativeBigint : TAG.bigint)
    this.#out.bytes(fromHex(digits.length % 2 === 0 ? digits : `0${digits}`))
  }

  #object(value: object, depth: number): Fault {
    const earlier = this.#seen.get(value)
    if (earlier !== undefined) {
      this.#out.byte(TAG.reference)
      this.#out.varint(earlier)
      return undefined
    }
    if (depth >= MAX_DEPTH) return faultAt(`lies more than ${MAX_DEPTH} levels deep`)
    this.#seen.set(value, this.#seen.size)
    if (Object.getOwnPropertySymbols(value).length > 0) return faultAt('has a symbol as a key, which cannot be stored')
    if (Array.isArray(value) && isPlainArray(value)) return this.#array(value, depth)
    if (isPlainObject(value) && !(value instanceof Error)) return this.#plain(value, depth)
    return this.#builtIn(value, depth)
  }

  #plain(value: object, depth: number): Fault {
    this.#out.byte(Object.getPrototypeOf(value) === null ? TAG.dictionary : TAG.object)
    return this.#properties(value, Object.keys(value), depth)
  }

  #properties(value: object, keys: readonly string[], depth: number): Fault {
    this.#out.varint(keys.length)
    for (const key of keys) {
      this.#text(key)
      const fault = this.write((value as Record<string, unknown>)[key], depth + 1)
      if (fault !== undefined) return within(fault, key)
    }
    return undefined
  }

  #array(items: readonly unknown[], depth: number): Fault {
    const keys = Object.keys(items)
    const isDense = keys.length === items.length && (items.length === 0 || keys[items.length - 1] === String(items.length - 1))
    this.#out.byte(isDense ? TAG.array : TAG.sparseArray)
    this.#out.varint(items.length)
    if (!isDense) return this.#properties(items, keys, depth)
    return this.#each(items, depth, (index) => index)
  }

  #each(items: Iterable<unknown>, depth: number, step: (index: number) => PathStep): Fault {
    let index = 0
    for (const item of items) {
      const fault = this.write(item, depth + 1)
      if (fault !== undefined) return within(fault, step(index))
      index++
    }
    return undefined
  }

  #builtIn(value: object, depth: number): Fault {
    if (ArrayBuffer.isView(value)) return this.#view(value)
    if (isError(value)) return this.#error(value, depth)
    switch (builtInName(value)) {
      case 'Date':
        return this.#date(value as Date)
      case 'RegExp':
        return this.#regExp(value as RegExp)
      case 'Map':
        return this.#map(value as Map<unknown, unknown>, depth)
      case 'Set':
        return this.#set(value as Set<unknown>, depth)
      case 'ArrayBuffer':
        this.#out.byte(TAG.buffer)
        return void this.#out.bytes(new Uint8Array(value as ArrayBuffer))
      default:
        return faultAt(`is a ${classOf(value)}, which would not come back as one`)
    }
  }

  #date(value: Date): undefined {
    this.#out.byte(TAG.date)
    this.#out.double(value.getTime())
  }

  #regExp(value: RegExp): undefined {
    this.#out.byte(TAG.regExp)
    this.#text(value.source)
    this.#text(value.flags)
  }

  #map(value: Map<unknown, unknown>, depth: number): Fault {
    this.#out.byte(TAG.map)
    this.#out.varint(value.size)
    let index = 0
    for (const [key, item] of value) {
      const keyFault = this.write(key, depth + 1)
      if (keyFault !== undefined) return within(keyFault, { text: `<key ${index}>` })
      const fault = this.write(item, depth + 1)
      if (fault !== undefined) return within(fault, { text: `<value ${index}>` })
      index++
    }
    return undefined
  }

  #set(value: Set<unknown>, depth: number): Fault {
    this.#out.byte(TAG.set)
    this.#out.varint(value.size)
    return this.#each(value, depth, (index) => ({ text: `<item ${index}>` }))
  }

  #view(value: ArrayBufferView): Fault {
    const name = Object.prototype.toString.call(value).slice(8, -1)
    const kind = (VIEW_KINDS as readonly string[]).indexOf(name)
    if (kind < 0) return faultAt(`is a ${name}, which cannot be stored`)
    this.#out.byte(TAG.view)
    this.#out.byte(kind)
    return void this.#out.bytes(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
  }

  #error(value: Error, depth: number): Fault {
    const known = (ERROR_CLASSES as readonly string[]).includes(classOf(value)) ? classOf(value) : 'Error'
    const hidden = HIDDEN_ERROR_PROPERTIES.filter((name) => Object.hasOwn(value, name) || isInheritedText(value, name))
    const shown = Object.keys(value).filter((name) => !hidden.includes(name) && name !== 'name')
    const needsName = value.name !== known
    this.#out.byte(TAG.error)
    this.#text(known)
    return this.#properties(value, [...hidden, ...(needsName ? ['name'] : []), ...shown], depth)
  }
}

/** Some errors and some engines keep message and stack as accessors of the prototype. */
function isInheritedText(error: Error, name: string): boolean {
  if (name !== 'message' && name !== 'stack') return false
  return typeof error[name] === 'string' && error[name] !== ''
}

function isError(value: object): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]'
}
