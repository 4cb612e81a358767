// As much of WebAssembly's binary form as the checksum needs: instructions as numbers, put together into a module.

export type Code = readonly number[]

export const I32 = 0x7f
export const END = 0x0b
export const GREATER = 0x4b
export const NOT_LESS = 0x4f
export const ADD = 0x6a
export const AND = 0x71
export const XOR = 0x73
export const SHIFT_LEFT = 0x74
export const SHIFT_RIGHT = 0x76
const NO_RESULT = 0x40
const BLOCK = 0x02
const LOOP = 0x03
const REPEAT = [0x0c, 0]
const LEAVE_IF = [0x0d, 1]
const VECTOR = 0xfd

export const loadByte: Code = [0x2d, 0, 0]
export const zeroVector: Code = [VECTOR, 12, ...new Array<number>(16).fill(0)]
export const xorVectors: Code = [VECTOR, 81]

/** A function of three numbers (its locals 0-2) that returns one, with more locals behind them. */
export interface WasmFunction {
  readonly name: string
  readonly locals: number
  readonly code: Code
}

/** With a memory of so many pages, called `memory`, and these functions. */
export function wasmModule(pages: number, functions: readonly WasmFunction[]): Uint8Array<ArrayBuffer> {
  const type = [0x60, 3, I32, I32, I32, 1, I32]
  const bodies = functions.map(({ locals, code }) => [1, locals, I32, ...code, END])
  const exported = functions.map((one, index) => [...name(one.name), 0, index])
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, ...type]),
    ...section(3, [functions.length, ...functions.map(() => 0)]),
    ...section(5, [1, 0, pages]),
    ...section(7, [1 + functions.length, ...name('memory'), 2, 0, ...exported.flat()]),
    ...section(10, [functions.length, ...bodies.flatMap((body) => [...unsigned(body.length), ...body])]),
  ])
}

/** Runs the body until the condition holds. */
export function loop(isOver: Code, body: Code): Code {
  return [BLOCK, NO_RESULT, LOOP, NO_RESULT, ...isOver, ...LEAVE_IF, ...body, ...REPEAT, END, END]
}

export function get(local: number): Code {
  return [0x20, local]
}

export function set(local: number): Code {
  return [0x21, local]
}

export function advance(local: number, bytes: number): Code {
  return [...get(local), ...constant(bytes), ADD, ...set(local)]
}

export function loadWord(offset: number): Code {
  return [0x28, 0, ...unsigned(offset)]
}

/** 16 bytes at any place. */
export function loadVector(offset: number): Code {
  return [VECTOR, 0, 0, ...unsigned(offset)]
}

export function storeVector(offset: number): Code {
  return [VECTOR, 11, 0, ...unsigned(offset)]
}

/** Of less than 2^13. */
export function constant(value: number): Code {
  return value < 0x40 ? [0x41, value] : [0x41, (value & 0x7f) | 0x80, value >>> 7]
}

function section(id: number, content: Code): Code {
  return [id, ...unsigned(content.length), ...content]
}

function name(text: string): Code {
  return [text.length, ...[...text].map((letter) => letter.charCodeAt(0))]
}

function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)]
}
