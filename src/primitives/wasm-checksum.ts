// CRC-32C in WebAssembly, put together here, instruction by instruction. Long pieces are first made short: their remainder by a
// multiple of the polynomial that has six terms only, all at whole bytes, costs five exclusive ors for each 16 bytes, and has
// the same checksum (the idea of "Chorba", arXiv 2412.16398). What is left goes through tables, 16 bytes at a time, as in
// core/codec/crc32c.ts. Four times as fast on long pieces as the tables alone, twice on a KiB.

import {
  ADD,
  AND,
  advance,
  type Code,
  constant,
  GREATER,
  get,
  loadByte,
  loadVector,
  loadWord,
  loop,
  NOT_LESS,
  SHIFT_LEFT,
  SHIFT_RIGHT,
  set,
  storeVector,
  type WasmFunction,
  wasmModule,
  XOR,
  xorVectors,
  zeroVector,
} from './wasm-code.js'

const PAGE_BYTES = 65_536
/** The tables lie in the first page, what is checked is copied into the second. */
const DATA_AT = PAGE_BYTES
const SLICE_BYTES = 1024
const WORDS = [0, 4, 8, 12]
const VECTOR_BYTES = 16

/**
 * 1 + x^32 + x^107 + x^113 + x^136 + x^290, as distances from its end, is divisible by the polynomial; so is its eighth power,
 * where bits become bytes. A byte of a long piece may be dropped when it is added to the bytes that lie so far behind it.
 */
const DISTANCES = [154, 177, 183, 258, 290]
const REMAINDER_BYTES = 290
/** Shorter ones are not worth two steps. */
const LONG_BYTES = 512
/** Bytes as they were dropped lie so far behind their place in the data; zeros stand before the first and behind the last. */
const DROPPED_AFTER = PAGE_BYTES + 1024

/** Parameters of both functions: the first byte, the end, and the third one's own; then the words that `tables` works on. */
const AT = 0
const LAST = 1
const CRC = 2
const END_OF_ALL = 2
const WORD = 3

type Call = (at: number, end: number, third: number) => number

/** What continues the inner (not inverted) checksum `crc` over `bytes[start, end)`; `tables` are its 16 of 256 entries each. */
export function wasmChecksum(tables: Int32Array): (bytes: Uint8Array, start: number, end: number, crc: number) => number {
  const { memory, checksum, shorten } = instantiate()
  const room = new Uint8Array(memory.buffer)
  const words = new Int32Array(memory.buffer)
  words.set(tables)

  function checkPiece(length: number, crc: number): number {
    if (shorten === undefined || length < LONG_BYTES) return checksum(DATA_AT, DATA_AT + length, crc)
    const dropped = (length - REMAINDER_BYTES) & -VECTOR_BYTES
    words[DATA_AT / 4] = (words[DATA_AT / 4] as number) ^ crc
    shorten(DATA_AT, DATA_AT + dropped, DATA_AT + length)
    return checksum(DATA_AT + dropped, DATA_AT + length, 0)
  }

  return (bytes, start, end, crc) => {
    let result = crc
    for (let at = start; at < end; at += PAGE_BYTES) {
      const stop = Math.min(end, at + PAGE_BYTES)
      room.set(at === 0 && stop === bytes.length ? bytes : bytes.subarray(at, stop), DATA_AT)
      result = checkPiece(stop - at, result)
    }
    return result
  }
}

/** Without `shorten` where the processor has no vectors for it. */
function instantiate(): { readonly memory: WebAssembly.Memory; readonly checksum: Call; readonly shorten?: Call } {
  const checksum = { name: 'checksum', locals: 4, code: [...loopOfWords(), ...loopOfBytes(), ...get(CRC)] }
  const shorten = { name: 'shorten', locals: 0, code: [...loopOfDropped(), ...loopOfRemainder(), ...get(AT)] }
  const both = moduleOf([checksum, shorten])
  const bytes = WebAssembly.validate(both) ? both : moduleOf([checksum])
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes))
  return exports as { memory: WebAssembly.Memory; checksum: Call; shorten?: Call }
}

function moduleOf(functions: readonly WasmFunction[]): Uint8Array<ArrayBuffer> {
  return wasmModule(4, functions)
}

/** `while (at < last)`: 16 bytes with all that was added to them are dropped. */
function loopOfDropped(): Code {
  const body = [...get(AT), ...withAdded(), ...storeVector(DROPPED_AFTER), ...advance(AT, VECTOR_BYTES)]
  return loop([...get(AT), ...get(LAST), NOT_LESS], body)
}

/** `while (at < end)`: what follows stays, with what was added to it; nothing of it is added to anything. */
function loopOfRemainder(): Code {
  const body = [
    ...[...get(AT), ...withAdded(), ...storeVector(0)],
    ...[...get(AT), ...zeroVector, ...storeVector(DROPPED_AFTER), ...advance(AT, VECTOR_BYTES)],
  ]
  return loop([...get(AT), ...get(END_OF_ALL), NOT_LESS], body)
}

function withAdded(): Code {
  const added = DISTANCES.flatMap((distance) => [...get(AT), ...loadVector(DROPPED_AFTER - distance), ...xorVectors])
  return [...get(AT), ...loadVector(0), ...added]
}

/** `while (at + 16 <= last)`: the first word takes the checksum in, then each of 16 bytes asks a table of its own. */
function loopOfWords(): Code {
  const load = WORDS.flatMap((offset, index) => [
    ...[...get(AT), ...loadWord(offset), ...(index === 0 ? [...get(CRC), XOR] : [])],
    ...set(WORD + index),
  ])
  const lookUps = WORDS.flatMap((offset, index) =>
    [0, 1, 2, 3].flatMap((byte) => [
      ...[...indexOf(WORD + index, byte), ...loadWord((15 - offset - byte) * SLICE_BYTES)],
      ...(index + byte === 0 ? [] : [XOR]),
    ]),
  )
  return loop([...get(AT), ...constant(16), ADD, ...get(LAST), GREATER], [...load, ...lookUps, ...set(CRC), ...advance(AT, 16)])
}

/** `while (at < last)`: what is left. */
function loopOfBytes(): Code {
  const byte = [...get(CRC), ...get(AT), ...loadByte, XOR, ...constant(0xff), AND, ...constant(2), SHIFT_LEFT]
  return loop(
    [...get(AT), ...get(LAST), NOT_LESS],
    [...get(CRC), ...constant(8), SHIFT_RIGHT, ...byte, ...loadWord(0), XOR, ...set(CRC), ...advance(AT, 1)],
  )
}

/** Four times one byte of a word: where its entry lies in a table. */
function indexOf(local: number, byte: number): Code {
  const shift = byte === 0 ? [...constant(2), SHIFT_LEFT] : [...constant(byte * 8 - 2), SHIFT_RIGHT]
  return [...get(local), ...shift, ...constant(0xff << 2), AND]
}
