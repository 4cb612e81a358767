// What kind of object a value is, also when it comes from another realm (a frame, a vm context), where `instanceof` fails.

/** Values nested deeper are refused, in both directions: an error instead of a stack overflow. */
export const MAX_DEPTH = 1000

/** `{…}` and `Object.create(null)`, of any realm. */
export function isPlainObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null
  if (prototype === Object.prototype || prototype === null) return true
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}

/** An array that is not an instance of a subclass: only `Array.prototype` is itself an array. */
export function isPlainArray(value: readonly unknown[]): boolean {
  return Array.isArray(Object.getPrototypeOf(value))
}

/** The name of the class, for messages. */
export function classOf(value: object): string {
  const maker = (value as { constructor?: unknown }).constructor
  const name = typeof maker === 'function' ? maker.name : ''
  return name === '' ? 'value of a class' : name
}

/** `Date`, `Map`, …: the built-in that the value is, undefined for instances of other classes and of subclasses. */
export function builtInName(value: object): string | undefined {
  const tag = Object.prototype.toString.call(value).slice(8, -1)
  return classOf(value) === tag ? tag : undefined
}
